package ovirt

type wireVM struct {
	ID               string              `json:"id,omitempty"`
	Name             string              `json:"name,omitempty"`
	Description      string              `json:"description,omitempty"`
	Comment          string              `json:"comment,omitempty"`
	Type             string              `json:"type,omitempty"`
	Status           string              `json:"status,omitempty"`
	StatusDetail     string              `json:"status_detail,omitempty"`
	StopReason       string              `json:"stop_reason,omitempty"`
	Cluster          *reference          `json:"cluster,omitempty"`
	Template         *reference          `json:"template,omitempty"`
	OriginalTemplate *reference          `json:"original_template,omitempty"`
	Host             *reference          `json:"host,omitempty"`
	Memory           integer             `json:"memory,omitempty"`
	MemoryPolicy     *wireMemoryPolicy   `json:"memory_policy,omitempty"`
	CPU              *wireCPU            `json:"cpu,omitempty"`
	OS               *wireType           `json:"os,omitempty"`
	BIOS             *wireType           `json:"bios,omitempty"`
	Initialization   *wireInitialization `json:"initialization,omitempty"`
	PlacementPolicy  *wirePlacement      `json:"placement_policy,omitempty"`
	HighAvailability *wireAvailability   `json:"high_availability,omitempty"`
	Lease            *wireLease          `json:"lease,omitempty"`
	DeleteProtected  *boolean            `json:"delete_protected,omitempty"`
	Quota            *reference          `json:"quota,omitempty"`
	Display          *wireType           `json:"display,omitempty"`
	Console          *wireConsole        `json:"console,omitempty"`
	DiskAttachments  *wireVMDisks        `json:"disk_attachments,omitempty"`
}

// wirePlacement keeps the VM migratable: that is the affinity of a VM whose hosts are named and nothing else.
type wirePlacement struct {
	Affinity string     `json:"affinity,omitempty"`
	Hosts    *wireHosts `json:"hosts,omitempty"`
}

type wireAvailability struct {
	Enabled  boolean `json:"enabled"`
	Priority integer `json:"priority,omitempty"`
}

type wireLease struct {
	StorageDomain *reference `json:"storage_domain,omitempty"`
}

type wireConsole struct {
	Enabled boolean `json:"enabled"`
}

// wireVMDisks are the disks of the template in a POST of a VM.
type wireVMDisks struct {
	DiskAttachment []wireVMDisk `json:"disk_attachment,omitempty"`
}

type wireVMDisk struct {
	Disk wireTemplateDisk `json:"disk"`
}

type wireTemplateDisk struct {
	ID             string       `json:"id"`
	Format         string       `json:"format,omitempty"`
	Sparse         *boolean     `json:"sparse,omitempty"`
	Quota          *reference   `json:"quota,omitempty"`
	StorageDomains *wireDomains `json:"storage_domains,omitempty"`
}

type wireDomains struct {
	StorageDomain []reference `json:"storage_domain,omitempty"`
}

type wireMemoryPolicy struct {
	Guaranteed integer `json:"guaranteed,omitempty"`
	Max        integer `json:"max,omitempty"`
}

type wireCPU struct {
	Architecture string        `json:"architecture,omitempty"`
	Type         string        `json:"type,omitempty"` // of a cluster only
	Topology     *wireTopology `json:"topology,omitempty"`
}

type wireTopology struct {
	Sockets integer `json:"sockets,omitempty"`
	Cores   integer `json:"cores,omitempty"`
	Threads integer `json:"threads,omitempty"`
}

type wireType struct {
	Type string `json:"type,omitempty"`
}

// wireAction is the body of an action; it is needed even where it is empty.
type wireAction struct {
	Force             boolean `json:"force,omitempty"`
	UseInitialization boolean `json:"use_initialization,omitempty"`
}

func vmOf(w *wireVM) VM {
	vm := VM{
		ID: w.ID, Name: w.Name, Description: w.Description, Comment: w.Comment, Type: w.Type,
		Status: w.Status, StatusDetail: w.StatusDetail, StopReason: w.StopReason,
		ClusterID: w.Cluster.id(), TemplateID: w.Template.id(), OriginalTemplateID: w.OriginalTemplate.id(), HostID: w.Host.id(),
		Memory: int64(w.Memory),
	}
	if w.MemoryPolicy != nil {
		vm.GuaranteedMemory, vm.MaxMemory = int64(w.MemoryPolicy.Guaranteed), int64(w.MemoryPolicy.Max)
	}
	if w.CPU != nil {
		vm.Architecture = w.CPU.Architecture
		if t := w.CPU.Topology; t != nil {
			vm.CPU = CPUTopology{Sockets: int(t.Sockets), Cores: int(t.Cores), Threads: int(t.Threads)}
		}
	}
	if w.OS != nil {
		vm.OSType = w.OS.Type
	}
	if w.BIOS != nil {
		vm.BIOSType = w.BIOS.Type
	}
	if i := w.Initialization; i != nil {
		vm.HasInitialization = i.CustomScript != nil && *i.CustomScript != ""
	}
	if w.PlacementPolicy != nil {
		vm.HostIDs = w.PlacementPolicy.Hosts.ids()
	}
	if h := w.HighAvailability; h != nil && bool(h.Enabled) {
		vm.HighAvailability = &HighAvailability{Priority: int(h.Priority)}
	}
	if w.Lease != nil {
		vm.LeaseStorageDomainID = w.Lease.StorageDomain.id()
	}
	if w.Display != nil {
		vm.Display = w.Display.Type
	}
	vm.DeleteProtected, vm.QuotaID = bool(given(w.DeleteProtected)), w.Quota.id()
	vm.SerialConsole = w.Console != nil && bool(w.Console.Enabled)
	return vm
}

// wire leaves out what is not set, so that the template's value holds.
func (v AddVM) wire() wireVM {
	w := wireVM{
		ID: v.ID, Name: v.Name, Description: v.Description, Comment: v.Comment, Type: v.Type,
		Cluster: refer(v.ClusterID), Template: refer(v.TemplateID), Memory: integer(v.Memory),
	}
	if w.Type == "" {
		w.Type = "server"
	}
	if v.GuaranteedMemory != 0 || v.MaxMemory != 0 {
		w.MemoryPolicy = &wireMemoryPolicy{Guaranteed: integer(v.GuaranteedMemory), Max: integer(v.MaxMemory)}
	}
	cpu := wireCPU{Architecture: v.Architecture}
	if v.CPU != (CPUTopology{}) {
		cpu.Topology = &wireTopology{Sockets: integer(v.CPU.Sockets), Cores: integer(v.CPU.Cores), Threads: integer(v.CPU.Threads)}
	}
	if cpu != (wireCPU{}) {
		w.CPU = &cpu
	}
	if v.OSType != "" {
		w.OS = &wireType{v.OSType}
	}
	if v.BIOSType != "" {
		w.BIOS = &wireType{v.BIOSType}
	}
	w.Initialization = v.Initialization.wire(v.CustomScript)
	v.fillPlacement(&w)
	v.fillDevices(&w)
	return w
}

func (v AddVM) fillPlacement(w *wireVM) {
	if len(v.HostIDs) > 0 {
		w.PlacementPolicy = &wirePlacement{Affinity: "migratable", Hosts: &wireHosts{referAll(v.HostIDs)}}
	}
	if v.HighAvailability != nil {
		w.HighAvailability = &wireAvailability{Enabled: true, Priority: integer(v.HighAvailability.Priority)}
	}
	if v.LeaseStorageDomainID != "" {
		w.Lease = &wireLease{refer(v.LeaseStorageDomainID)}
	}
}

func (v AddVM) fillDevices(w *wireVM) {
	w.Quota = refer(v.QuotaID)
	if v.DeleteProtected {
		w.DeleteProtected = new(boolean(true))
	}
	if v.Display != "" {
		w.Display = &wireType{v.Display}
	}
	if v.SerialConsole {
		w.Console = &wireConsole{Enabled: true}
	}
	if len(v.Disks) == 0 {
		return
	}
	w.DiskAttachments = &wireVMDisks{}
	for _, disk := range v.Disks {
		wire := wireTemplateDisk{ID: disk.ID, Format: disk.Format, Sparse: (*boolean)(disk.Sparse), Quota: refer(disk.QuotaID)}
		if disk.StorageDomainID != "" {
			wire.StorageDomains = &wireDomains{[]reference{{disk.StorageDomainID}}}
		}
		w.DiskAttachments.DiskAttachment = append(w.DiskAttachments.DiskAttachment, wireVMDisk{wire})
	}
}
