package engine

import (
	"regexp"
	"strings"
)

// VMChange is what a POST or PUT may say of a VM; nil means "not said".
type VMChange struct {
	Name, Description, Comment          *string
	Type, OSType, BIOSType, Affinity    *string
	Architecture, CPUMode               *string
	Sockets, Cores, Threads             *int64
	Memory, GuaranteedMemory, MaxMemory *int64
	HAPriority                          *int64
	Ballooning, HighlyAvailable         *bool
	Stateless, DeleteProtected          *bool
	BootDevices                         []string
	Init                                *Initialization
}

func set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

func (c VMChange) apply(v *VM) {
	set(&v.Name, c.Name)
	set(&v.Description, c.Description)
	set(&v.Comment, c.Comment)
	set(&v.Type, c.Type)
	set(&v.OSType, c.OSType)
	set(&v.BIOSType, c.BIOSType)
	set(&v.Affinity, c.Affinity)
	set(&v.CPU.Architecture, c.Architecture)
	set(&v.CPU.Mode, c.CPUMode)
	set(&v.CPU.Sockets, c.Sockets)
	set(&v.CPU.Cores, c.Cores)
	set(&v.CPU.Threads, c.Threads)
	set(&v.HAPriority, c.HAPriority)
	set(&v.Ballooning, c.Ballooning)
	set(&v.HighlyAvailable, c.HighlyAvailable)
	set(&v.Stateless, c.Stateless)
	set(&v.DeleteProtected, c.DeleteProtected)
	c.applyMemory(v)
	if c.BootDevices != nil {
		v.BootDevices = c.BootDevices
	}
	if c.Init != nil {
		v.Init = v.Init.merge(c.Init)
	}
}

// applyMemory fills what a new memory size leaves open: the maximum is four times the size, and all of it is
// guaranteed because clusters here do not overcommit.
func (c VMChange) applyMemory(v *VM) {
	if c.Memory != nil {
		v.Memory, v.GuaranteedMemory, v.MaxMemory = *c.Memory, *c.Memory, defaultMaxMemory(*c.Memory)
	}
	set(&v.GuaranteedMemory, c.GuaranteedMemory)
	set(&v.MaxMemory, c.MaxMemory)
}

func defaultMaxMemory(memory int64) int64 { return min(4*memory, maxMemoryLimit) }

// merge returns init with the given fields of change; the engine merges field by field, so an empty custom script
// clears the script and leaves the rest.
func (init *Initialization) merge(change *Initialization) *Initialization {
	var merged Initialization
	if init != nil {
		merged = *init
	}
	pick := func(target **string, value *string) {
		if value != nil {
			*target = value
		}
	}
	pick(&merged.CustomScript, change.CustomScript)
	pick(&merged.HostName, change.HostName)
	pick(&merged.UserName, change.UserName)
	pick(&merged.RootPassword, change.RootPassword)
	pick(&merged.AuthorizedSSHKeys, change.AuthorizedSSHKeys)
	pick(&merged.Timezone, change.Timezone)
	pick(&merged.DNSServers, change.DNSServers)
	pick(&merged.DNSSearch, change.DNSSearch)
	pick(&merged.NetworkProtocol, change.NetworkProtocol)
	if change.RegenerateSSHKeys != nil {
		merged.RegenerateSSHKeys = change.RegenerateSSHKeys
	}
	if change.NICConfigurations != nil {
		merged.NICConfigurations = change.NICConfigurations
	}
	return &merged
}

// maxVMName is the engine's limit for the names of VMs that are not part of a pool.
const maxVMName = 64

// checkName checks what the engine checks before it takes any lock.
func checkName(command, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid(msgNameEmpty, command)
	case !regexp.MustCompile(`^[0-9A-Za-z_.-]+$`).MatchString(name):
		return invalid(msgNameCharacters, command)
	case len(name) > maxVMName:
		return invalid(msgNameTooLong, command)
	}
	return nil
}

// checkHardware checks sizes in the engine's order.
func checkHardware(command string, h Hardware) error {
	switch {
	case h.Memory <= 0 || h.Memory%mib != 0:
		return invalid(msgMemoryAlignment, command)
	case h.Memory > h.MaxMemory:
		return conflict(msgMaxMemory, command, h.Memory/mib, h.MaxMemory/mib)
	case h.CPU.Sockets < 1 || h.CPU.Cores < 1 || h.CPU.Threads < 1:
		return invalid(msgCPUMinimum, command)
	case h.GuaranteedMemory > h.Memory:
		return invalid(msgGuaranteed, command)
	}
	return nil
}

// UpdateVM merges change into the VM. A real engine keeps changes of a running VM's CPU, memory and boot settings for
// its next run; here they show at once, and the guest sees them at its next run as well.
func (e *Engine) UpdateVM(call Call, id string, change VMChange) (VM, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return VM{}, noEntity()
	}
	if err := e.authorize(call, permitEditVM, Object{TypeVM, id}); err != nil {
		return VM{}, err
	}
	if v.Status == StatusImageLocked {
		return VM{}, conflict(msgVMLocked, "edit")
	}
	changed := v.snapshot()
	change.apply(&changed)
	if changed.Name != v.Name {
		if err := checkName("edit", changed.Name); err != nil {
			return VM{}, err
		}
		if e.nameLocks[changed.Name] {
			return VM{}, conflict(msgNameLocked, "edit")
		}
		if e.nameInUse(e.clusterByID(v.ClusterID).DataCenterID, changed.Name) {
			return VM{}, conflict(msgNameInUse, "edit")
		}
	}
	if err := checkHardware("edit", changed.Hardware); err != nil {
		return VM{}, err
	}
	*v = changed
	return v.snapshot(), nil
}

func (e *Engine) nameInUse(dataCenterID, name string) bool {
	for _, v := range e.vms {
		if v.Name == name && e.clusterByID(v.ClusterID).DataCenterID == dataCenterID {
			return true
		}
	}
	return false
}
