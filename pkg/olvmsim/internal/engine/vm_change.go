package engine

import (
	"cmp"
	"fmt"
	"reflect"
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

	// InstanceType gives memory and CPU where nothing else does.
	InstanceType *Ref
	// An empty list of these clears what is there; nil means "not said".
	CustomProperties                           []CustomProperty
	PlacementHosts                             []Ref
	Graphics                                   []string
	SerialConsole, Soundcard                   *bool
	StartPaused, VirtioSCSI                    *bool
	TimeZone, CustomCPUModel                   *string
	CustomEmulatedMachine, CustomCompatibility *string
	CPUShares, IOThreads, MigrationDowntime    *int64
	// Lease is the storage domain of the lease; an empty one gives it up.
	Lease   *Ref
	QuotaID *string

	// hostIDs, leaseDomainID and instanceTypeID are what resolveChange finds.
	hostIDs        []string
	leaseDomainID  *string
	instanceTypeID *string
}

const typeDesktop = "desktop"

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
	c.applyFeatures(v)
}

func (c VMChange) applyFeatures(v *VM) {
	set(&v.InstanceTypeID, c.instanceTypeID)
	set(&v.LeaseDomainID, c.leaseDomainID)
	set(&v.QuotaID, c.QuotaID)
	set(&v.SerialConsole, c.SerialConsole)
	set(&v.Soundcard, c.Soundcard)
	set(&v.StartPaused, c.StartPaused)
	set(&v.VirtioSCSI, c.VirtioSCSI)
	set(&v.TimeZone, c.TimeZone)
	set(&v.CustomCPUModel, c.CustomCPUModel)
	set(&v.CustomEmulatedMachine, c.CustomEmulatedMachine)
	set(&v.CustomCompatibilityVersion, c.CustomCompatibility)
	set(&v.CPUShares, c.CPUShares)
	set(&v.IOThreads, c.IOThreads)
	if c.MigrationDowntime != nil {
		v.MigrationDowntime = c.MigrationDowntime
	}
	if c.CustomProperties != nil {
		v.CustomProperties = c.CustomProperties
	}
	if c.PlacementHosts != nil {
		v.PlacementHosts = c.hostIDs
	}
	if c.Graphics != nil {
		v.Graphics = c.Graphics
	}
}

// resolveChange finds what the change names: hosts, a lease's storage domain, a quota, and an instance type, whose sizes it fills
// in where none are given.
func (e *Engine) resolveChange(c VMChange, verb, clusterID string) (VMChange, error) {
	for _, ref := range c.PlacementHosts {
		h, ok := pickRef(e.hosts, ref, hostRef)
		switch {
		case !ok:
			return c, noReferenced("Host", ref)
		case h.ClusterID != clusterID:
			return c, invalid(msgHostNotInCluster, verb, h.Name)
		}
		c.hostIDs = append(c.hostIDs, h.ID)
	}
	dataCenterID := e.clusterByID(clusterID).DataCenterID
	if err := e.checkQuota(verb+" VM", dataCenterID, c.QuotaID); err != nil {
		return c, err
	}
	if err := e.resolveLease(&c, verb, dataCenterID); err != nil {
		return c, err
	}
	return e.resolveInstanceType(c)
}

// resolveLease finds the storage domain of the lease, which must be one of the data center and active
// (VmManagementCommandBase.validateLeaseStorageDomain).
func (e *Engine) resolveLease(c *VMChange, verb, dataCenterID string) error {
	if c.Lease == nil {
		return nil
	}
	c.leaseDomainID = new(string)
	if *c.Lease == (Ref{}) {
		return nil
	}
	sd, ok := e.storageDomainByRef(*c.Lease)
	switch {
	case !ok || sd.DataCenterID != dataCenterID:
		return invalid(msgLeaseNoDomain, verb)
	case sd.Status != "active":
		return conflict(msgDomainInactive, verb+" VM", sd.Status)
	}
	c.leaseDomainID = &sd.ID
	return nil
}

func (e *Engine) resolveInstanceType(c VMChange) (VMChange, error) {
	if c.InstanceType == nil || *c.InstanceType == (Ref{}) {
		return c, nil
	}
	t, ok := pickRef(e.InstanceTypes(), *c.InstanceType, func(t InstanceType) Ref { return Ref{t.ID, t.Name} })
	if !ok {
		return c, noReferenced(msgUnknownInstance, *c.InstanceType)
	}
	one := int64(1)
	c.instanceTypeID = &t.ID
	for _, size := range []struct {
		target **int64
		value  *int64
	}{{&c.Memory, &t.Memory}, {&c.Sockets, &t.Sockets}, {&c.Cores, &one}, {&c.Threads, &one}} {
		if *size.target == nil {
			*size.target = size.value
		}
	}
	return c, nil
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
// clears the script and leaves the rest, and an empty initialization changes nothing.
func (init *Initialization) merge(change *Initialization) *Initialization {
	if reflect.DeepEqual(*change, Initialization{}) {
		return init
	}
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

// defaultMaxVMName is the engine's MaxVmNameLength, which an administrator can change.
const defaultMaxVMName = 64

// MaxVMNameLength is how many characters the name of a VM may have.
func (e *Engine) MaxVMNameLength() int { return cmp.Or(e.maxVMName, defaultMaxVMName) }

// checkName checks what the engine checks before it takes any lock.
func (e *Engine) checkName(command, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid(msgNameEmpty, command)
	case !regexp.MustCompile(`^[0-9A-Za-z_.-]+$`).MatchString(name):
		return invalid(msgNameCharacters, command)
	case len(name) > e.MaxVMNameLength():
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

// UpdateVM merges change into the VM. What a running VM cannot take over at once is kept for its next run.
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
	change, err := e.resolveChange(change, "edit", v.ClusterID)
	if err != nil {
		return VM{}, err
	}
	changed := v.snapshot()
	if v.NextRun != nil {
		changed.Hardware = *v.NextRun
	}
	change.apply(&changed)
	if err := e.checkEdit(v, changed); err != nil {
		return VM{}, err
	}
	if v.Running() {
		changed.keepForNextRun(v.Hardware)
	}
	*v = changed
	e.logEvent(eventUpdated, v.ID, call.CorrelationID, fmt.Sprintf("VM %s configuration was updated by %s.", v.Name, call.User.Name))
	return v.snapshot(), nil
}

func (e *Engine) checkEdit(v *VM, changed VM) error {
	if changed.Name != v.Name {
		if err := e.checkName("edit", changed.Name); err != nil {
			return err
		}
		if e.nameLocks[changed.Name] {
			return conflict(msgNameLocked, "edit")
		}
		if e.nameInUse(e.clusterByID(v.ClusterID).DataCenterID, changed.Name) {
			return conflict(msgNameInUse, "edit")
		}
	}
	return checkHardware("edit", changed.Hardware)
}

// keepForNextRun leaves the VM with the hardware that runs, except for what takes effect at once: placement, high
// availability and protection. The rest of the changed hardware waits until the VM goes down.
func (v *VM) keepForNextRun(running Hardware) {
	next := v.Hardware
	running.Affinity, running.PlacementHosts = next.Affinity, next.PlacementHosts
	running.HighlyAvailable, running.HAPriority = next.HighlyAvailable, next.HAPriority
	running.DeleteProtected = next.DeleteProtected
	v.Hardware, v.NextRun = running, nil
	if !reflect.DeepEqual(running, next) {
		v.NextRun = &next
	}
}

func (e *Engine) nameInUse(dataCenterID, name string) bool {
	for _, v := range e.vms {
		if v.Name == name && e.clusterByID(v.ClusterID).DataCenterID == dataCenterID {
			return true
		}
	}
	return false
}
