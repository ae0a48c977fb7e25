package engine

import (
	"slices"
	"time"
)

// BlankTemplateID is the id of the template that every engine has; a cloned VM says that it is made from it.
const BlankTemplateID = "00000000-0000-0000-0000-000000000000"

// Statuses, in the words of the engine's API model.
const (
	StatusDown          = "down"
	StatusUp            = "up"
	StatusImageLocked   = "image_locked"
	StatusWaitForLaunch = "wait_for_launch"
	StatusPoweringUp    = "powering_up"
	StatusPoweringDown  = "powering_down"

	StatusOK     = "ok"
	StatusLocked = "locked"
	// StatusIllegal is a template's whose disks are broken.
	StatusIllegal = "illegal"

	JobStarted  = "started"
	JobFinished = "finished"
)

// Ref names an object by id or, where the id is empty, by name.
type Ref struct{ ID, Name string }

// DataCenter is a data center (the engine's "storage pool").
type DataCenter struct{ ID, Name, Description, Status string }

// Cluster is a group of hosts.
type Cluster struct{ ID, Name, Description, DataCenterID, CPUType string }

// Host is a hypervisor.
type Host struct {
	ID, Name, Address, ClusterID, Status string
	Memory, Cores                        int64
	// SchedulingMemory is what is left for further VMs, in bytes, at the moment when it was asked for.
	SchedulingMemory int64
}

// Network is a logical network.
type Network struct {
	ID, Name, DataCenterID string
	// ProviderID is the external network provider's, if it is that one's network.
	ProviderID string
	VLAN       int64
}

// VNICProfile connects NICs to a network.
type VNICProfile struct {
	ID, Name, NetworkID string
	// NetworkFilterID is empty without a filter.
	NetworkFilterID string
	PassThrough     bool
}

// StorageDomain holds disks. Sizes are bytes; Available and Used are those of the moment when it was asked for.
type StorageDomain struct {
	ID, Name, DataCenterID, Type, Status string
	Available, Used                      int64
	// capacity is what Available and Used are together.
	capacity int64
}

// Disk is a disk image. Sizes are bytes.
type Disk struct {
	ID, Alias, Description, Status, Format, StorageDomainID, ImageID string
	ContentType                                                      string
	ProvisionedSize, ActualSize                                      int64
	Sparse, Shareable, WipeAfterDelete                               bool
	DiskDetails
}

// Attachment is a disk in a VM or template.
type Attachment struct {
	DiskID, Interface                string
	Bootable, Active, ReadOnly       bool
	PassDiscard, UsesSCSIReservation bool
}

// NIC is a network interface of a VM or template. ProfileID is empty when it is not connected.
type NIC struct {
	ID, Name, MAC, ProfileID, Interface string
	Linked, Plugged                     bool
}

// CPU is a virtual CPU.
type CPU struct {
	Architecture, Mode      string
	Sockets, Cores, Threads int64
}

// Hardware is what a VM takes over from its template unless its own request says otherwise. Memory is in bytes.
type Hardware struct {
	Type, OSType, BIOSType              string
	CPU                                 CPU
	Memory, GuaranteedMemory, MaxMemory int64
	Ballooning                          bool
	BootDevices                         []string
	Affinity                            string
	HighlyAvailable                     bool
	HAPriority                          int64
	Stateless, DeleteProtected          bool
	Features
}

// Template is what VMs are made from.
type Template struct {
	ID, Name, Description, ClusterID, Status string
	Comment, VersionName                     string
	// Version counts from 1. BaseID is the first version's id.
	Version      int64
	BaseID       string
	CreationTime time.Time
	Hardware
	NICs              []NIC
	Disks             []Attachment
	KubernetesVersion string
}

// VM is a virtual machine.
type VM struct {
	ID, Name, Description, Comment, Status, StopReason string
	ClusterID, TemplateID, OriginalTemplateID, HostID  string
	CreationTime, StartTime, StopTime                  time.Time
	Hardware
	Init *Initialization
	// Initialized is set by the first run; later runs get no initialization unless the start asks for it.
	Initialized bool
	NICs        []NIC
	Disks       []Attachment
	VMState

	// run counts power cycles; a queued event of an earlier cycle does nothing.
	run int
}

// Running says whether the VM occupies a host.
func (v *VM) Running() bool {
	return v.Status != StatusDown && v.Status != StatusImageLocked
}

func (v *VM) snapshot() VM {
	c := *v
	c.NICs, c.Disks, c.BootDevices = slices.Clone(v.NICs), slices.Clone(v.Disks), slices.Clone(v.BootDevices)
	return c
}

func (t *Template) snapshot() Template {
	c := *t
	c.NICs, c.Disks, c.BootDevices = slices.Clone(t.NICs), slices.Clone(t.Disks), slices.Clone(t.BootDevices)
	return c
}

// Initialization is what the engine puts on the config drive. A nil field was never given; values are never changed in
// place, so copies of a VM may share them.
type Initialization struct {
	CustomScript, HostName, UserName, RootPassword, AuthorizedSSHKeys *string
	Timezone, DNSServers, DNSSearch, NetworkProtocol                  *string
	RegenerateSSHKeys                                                 *bool
	NICConfigurations                                                 []NICConfiguration
}

// Job is the engine's record of a command.
type Job struct {
	ID, Description, Status, CorrelationID string
	// OwnerID is the user's who gave the command.
	OwnerID            string
	StartTime, EndTime time.Time
}

// Event is a line of the engine's audit log.
type Event struct {
	Index                                      int
	Code                                       int
	Severity, Description, CorrelationID, VMID string
	Time                                       time.Time
}
