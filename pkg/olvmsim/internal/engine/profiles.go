package engine

import (
	"slices"
	"strings"
)

const (
	permitCreateVNICProfile = "create_network_vnic_profile"
	permitDeleteVNICProfile = "delete_network_vnic_profile"

	msgProfileNameInUse = "Cannot %s VM network interface profile. " +
		"The VM network interface profile's name is already used by an existing profile for the same network." // own words
	msgProfileInUse = "Cannot remove VM network interface profile. Several VMs or templates use it: %s." // own words
)

// VNICProfileAdd is a new vNIC profile.
type VNICProfileAdd struct {
	Name, NetworkID, NetworkFilterID string
	PassThrough                      bool
}

// AddVNICProfile makes a vNIC profile; its name is unique in its network.
func (e *Engine) AddVNICProfile(call Call, add VNICProfileAdd) (VNICProfile, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.ContainsFunc(e.networks, func(n Network) bool { return n.ID == add.NetworkID }) {
		return VNICProfile{}, noReferenced("Network", Ref{ID: add.NetworkID})
	}
	if err := e.authorize(call, permitCreateVNICProfile, Object{TypeNetwork, add.NetworkID}); err != nil {
		return VNICProfile{}, err
	}
	if slices.ContainsFunc(e.profiles, func(p VNICProfile) bool { return p.NetworkID == add.NetworkID && p.Name == add.Name }) {
		return VNICProfile{}, conflict(msgProfileNameInUse, "add")
	}
	p := VNICProfile{ID: e.newID(), Name: add.Name, NetworkID: add.NetworkID, NetworkFilterID: add.NetworkFilterID, PassThrough: add.PassThrough}
	e.profiles = append(e.profiles, p)
	return p, nil
}

// RemoveVNICProfile removes a vNIC profile that no NIC uses.
func (e *Engine) RemoveVNICProfile(call Call, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.IndexFunc(e.profiles, func(p VNICProfile) bool { return p.ID == id })
	if at < 0 {
		return noEntity()
	}
	if err := e.authorize(call, permitDeleteVNICProfile, Object{TypeVNICProfile, id}); err != nil {
		return err
	}
	uses := func(nics []NIC) bool { return slices.ContainsFunc(nics, func(n NIC) bool { return n.ProfileID == id }) }
	var users []string
	for _, v := range e.vms {
		if uses(v.NICs) {
			users = append(users, v.Name)
		}
	}
	for _, t := range e.templates {
		if uses(t.NICs) {
			users = append(users, t.Name)
		}
	}
	if len(users) > 0 {
		slices.Sort(users)
		return conflict(msgProfileInUse, strings.Join(users, ", "))
	}
	e.profiles = slices.Delete(e.profiles, at, at+1)
	e.forget(Object{TypeVNICProfile, id})
	return nil
}

// AllPermissions lists what everybody was given.
func (e *Engine) AllPermissions() []Permission {
	return locked(e, func() []Permission { return slices.Clone(e.permissions) })
}
