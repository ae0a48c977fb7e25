package engine

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// NICChange is what a POST or PUT may say of a NIC; nil means "not said". An empty ProfileID disconnects.
type NICChange struct {
	Name, Interface, MAC, ProfileID *string
	Linked, Plugged                 *bool
}

func (c NICChange) apply(n *NIC) {
	set(&n.Name, c.Name)
	set(&n.Interface, c.Interface)
	set(&n.MAC, c.MAC)
	set(&n.ProfileID, c.ProfileID)
	set(&n.Linked, c.Linked)
	set(&n.Plugged, c.Plugged)
}

// AddNIC gives a VM another NIC.
func (e *Engine) AddNIC(call Call, vmID string, change NICChange) (NIC, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok {
		return NIC{}, noEntity()
	}
	e.follow(call, nil) // the id is taken before the permit is asked for
	nic := NIC{ID: e.newID(), Interface: "virtio", Linked: true, Plugged: true}
	change.apply(&nic)
	if err := e.authorizeNIC(call, v, "", nic.ProfileID); err != nil {
		return NIC{}, err
	}
	if err := e.checkNIC("add", v, nic); err != nil {
		return NIC{}, err
	}
	if nic.MAC == "" {
		nic.MAC = e.newMAC()
	}
	v.NICs = append(slices.Clone(v.NICs), nic)
	e.logEvent(eventNICAdded, v.ID, call.CorrelationID, fmt.Sprintf("Interface %s (%s) was added to VM %s.", nic.Name, nic.Interface, v.Name))
	return nic, nil
}

// UpdateNIC merges change into a NIC.
func (e *Engine) UpdateNIC(call Call, vmID, nicID string, change NICChange) (NIC, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, i, err := e.findNIC(vmID, nicID)
	if err != nil {
		return NIC{}, err
	}
	nic := v.NICs[i]
	change.apply(&nic)
	if err := e.authorizeNIC(call, v, v.NICs[i].ProfileID, nic.ProfileID); err != nil {
		return NIC{}, err
	}
	if err := e.checkNIC("edit", v, nic); err != nil {
		return NIC{}, err
	}
	if old := v.NICs[i]; v.Running() && old.Plugged && nic.Plugged && (old.MAC != nic.MAC || old.Interface != nic.Interface) {
		return NIC{}, conflict(msgNICEditActive)
	}
	v.NICs = slices.Clone(v.NICs)
	v.NICs[i] = nic
	e.logEvent(eventNICUpdated, v.ID, call.CorrelationID, fmt.Sprintf("Interface %s (%s) was updated for VM %s.", nic.Name, nic.Interface, v.Name))
	return nic, nil
}

// RemoveNIC takes a NIC away.
func (e *Engine) RemoveNIC(call Call, vmID, nicID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, i, err := e.findNIC(vmID, nicID)
	if err != nil {
		return err
	}
	if err := e.authorizeNIC(call, v, "", ""); err != nil {
		return err
	}
	if v.Running() && v.NICs[i].Plugged {
		return conflict(msgNICRemoveActive)
	}
	nic := v.NICs[i]
	v.NICs = slices.Delete(slices.Clone(v.NICs), i, i+1)
	e.logEvent(eventNICRemoved, v.ID, call.CorrelationID, fmt.Sprintf("Interface %s (%s) was removed from VM %s.", nic.Name, nic.Interface, v.Name))
	return nil
}

// PlugNIC activates or deactivates a NIC, in a running VM as well.
func (e *Engine) PlugNIC(call Call, vmID, nicID string, plug bool) (NIC, Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, i, err := e.findNIC(vmID, nicID)
	if err != nil {
		return NIC{}, Job{}, err
	}
	if err := e.authorizeNIC(call, v, "", ""); err != nil {
		return NIC{}, Job{}, err
	}
	verb, code, done := "activate", eventNICActivated, "plugged"
	if !plug {
		verb, code, done = "deactivate", eventNICDeactivated, "unplugged"
	}
	if v.Status != StatusUp && v.Status != StatusDown && v.Status != StatusImageLocked {
		return NIC{}, Job{}, conflict(msgNICActivate, verb)
	}
	v.NICs = slices.Clone(v.NICs)
	v.NICs[i].Plugged = plug
	job := e.startJob(call, fmt.Sprintf("Changing Interface %s of VM %s", v.NICs[i].Name, v.Name))
	e.logEvent(code, v.ID, call.CorrelationID, fmt.Sprintf("Network Interface %s (%s) was %s to VM %s.",
		v.NICs[i].Name, v.NICs[i].Interface, done, v.Name))
	e.finishJob(job)
	return v.NICs[i], *job, nil
}

// authorizeNIC wants the permit on the profile only where the NIC gets another one.
func (e *Engine) authorizeNIC(call Call, v *VM, oldProfile, newProfile string) error {
	objects := []Object{{TypeVM, v.ID}}
	if newProfile != "" && newProfile != oldProfile {
		objects = append(objects, Object{TypeVNICProfile, newProfile})
	}
	return e.authorize(call, permitConfigureVMNetwork, objects...)
}

func (e *Engine) findNIC(vmID, nicID string) (*VM, int, error) {
	v, ok := e.vms[vmID]
	if !ok {
		return nil, 0, noEntity()
	}
	i := slices.IndexFunc(v.NICs, func(n NIC) bool { return n.ID == nicID })
	if i < 0 {
		return nil, 0, noEntity()
	}
	return v, i, nil
}

// checkNIC refuses in the engine's order. A NIC may be added while the VM is still being created: the engine's
// vmStatusLegal allows image_locked.
func (e *Engine) checkNIC(command string, v *VM, nic NIC) error {
	if v.Status != StatusUp && v.Status != StatusDown && v.Status != StatusImageLocked {
		return conflict(msgNICAddStatus, command)
	}
	if nic.Name == "" {
		return invalid(msgNICNameEmpty, command)
	}
	for _, other := range v.NICs {
		if other.ID != nic.ID && other.Name == nic.Name {
			return conflict(msgNICNameInUse)
		}
	}
	if nic.ProfileID != "" && !slices.ContainsFunc(e.profiles, func(p VNICProfile) bool { return p.ID == nic.ProfileID }) {
		return invalid(msgNICProfile, command)
	}
	if address, err := net.ParseMAC(nic.MAC); nic.MAC != "" && (err != nil || len(address) != 6) {
		return invalid(msgNICMAC, command, nic.MAC)
	}
	if owner := e.macOwner(nic); owner != "" {
		return conflict(msgNICMACInUse, nic.MAC, owner)
	}
	return nil
}

func (e *Engine) macOwner(nic NIC) string {
	if nic.MAC == "" {
		return ""
	}
	for _, v := range e.vms {
		for _, other := range v.NICs {
			if other.ID != nic.ID && strings.EqualFold(other.MAC, nic.MAC) {
				return v.Name
			}
		}
	}
	return ""
}

// newMAC takes the next free address of the engine's default pool.
func (e *Engine) newMAC() string {
	for {
		e.macSeq++
		mac := fmt.Sprintf("56:6f:%02x:%02x:%02x:%02x", byte(e.macSeq>>24), byte(e.macSeq>>16), byte(e.macSeq>>8), byte(e.macSeq))
		if e.macOwner(NIC{MAC: mac}) == "" {
			return mac
		}
	}
}
