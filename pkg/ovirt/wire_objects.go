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

// wireInitialization has a pointer because an empty custom_script is what empties the one that the engine holds.
type wireInitialization struct {
	CustomScript *string `json:"custom_script,omitempty"`
}

// wireAction is the body of an action; it is needed even where it is empty.
type wireAction struct {
	Force boolean `json:"force,omitempty"`
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
	if v.CustomScript != "" {
		w.Initialization = &wireInitialization{CustomScript: &v.CustomScript}
	}
	return w
}

type wireNIC struct {
	ID          string     `json:"id,omitempty"`
	Name        string     `json:"name,omitempty"`
	Interface   string     `json:"interface,omitempty"`
	VNICProfile *reference `json:"vnic_profile,omitempty"`
	MAC         *wireMAC   `json:"mac,omitempty"`
}

type wireMAC struct {
	Address string `json:"address,omitempty"`
}

func nicOf(w *wireNIC) NIC {
	nic := NIC{ID: w.ID, Name: w.Name, Interface: w.Interface, VNICProfileID: w.VNICProfile.id()}
	if w.MAC != nil {
		nic.MAC = w.MAC.Address
	}
	return nic
}

// wire leaves the id out: it is in the path.
func (n NIC) wire() wireNIC {
	w := wireNIC{Name: n.Name, Interface: n.Interface, VNICProfile: refer(n.VNICProfileID)}
	if n.MAC != "" {
		w.MAC = &wireMAC{n.MAC}
	}
	return w
}

type wireDiskAttachment struct {
	ID        string     `json:"id"`
	Disk      *reference `json:"disk"`
	Interface string     `json:"interface"`
	Bootable  boolean    `json:"bootable"`
	Active    boolean    `json:"active"`
}

func diskAttachmentOf(w *wireDiskAttachment) DiskAttachment {
	attachment := DiskAttachment{ID: w.ID, DiskID: w.Disk.id(), Interface: w.Interface, Bootable: bool(w.Bootable), Active: bool(w.Active)}
	if attachment.DiskID == "" {
		attachment.DiskID = w.ID // they are the same
	}
	return attachment
}

type wireDisk struct {
	ID              string  `json:"id"`
	Name            string  `json:"name"`
	Alias           string  `json:"alias"`
	Description     string  `json:"description"`
	Status          string  `json:"status"`
	ProvisionedSize integer `json:"provisioned_size"`
	ActualSize      integer `json:"actual_size"`
	StorageDomains  struct {
		StorageDomain []reference `json:"storage_domain"`
	} `json:"storage_domains"`
}

func diskOf(w *wireDisk) Disk {
	disk := Disk{ID: w.ID, Name: w.Name, Description: w.Description, Status: w.Status,
		ProvisionedSize: int64(w.ProvisionedSize), ActualSize: int64(w.ActualSize)}
	if disk.Name == "" {
		disk.Name = w.Alias
	}
	for _, domain := range w.StorageDomains.StorageDomain {
		disk.StorageDomainIDs = append(disk.StorageDomainIDs, domain.ID)
	}
	return disk
}

type wireJob struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Status      string `json:"status"`
}

func jobOf(w *wireJob) Job { return Job{ID: w.ID, Description: w.Description, Status: w.Status} }

type wireSystem struct {
	ProductInfo struct {
		Name    string `json:"name"`
		Vendor  string `json:"vendor"`
		Version struct {
			FullVersion string  `json:"full_version"`
			Major       integer `json:"major"`
			Minor       integer `json:"minor"`
		} `json:"version"`
	} `json:"product_info"`
}

func systemOf(w *wireSystem) System {
	p := w.ProductInfo
	return System{Product: p.Name, Vendor: p.Vendor, FullVersion: p.Version.FullVersion, Major: int(p.Version.Major), Minor: int(p.Version.Minor)}
}

// wireInventory has the fields of data centers, clusters, networks, network filters, vNIC profiles, hosts and storage domains
// that are used.
type wireInventory struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Status     string     `json:"status"`
	Type       string     `json:"type"`
	DataCenter *reference `json:"data_center"`
	Cluster    *reference `json:"cluster"`
	Network    *reference `json:"network"`
	CPU        wireCPU    `json:"cpu"`
	Memory     integer    `json:"memory"`
	Available  integer    `json:"available"`
	Used       integer    `json:"used"`

	ExternalProvider *reference `json:"external_provider"`
	NetworkFilter    *reference `json:"network_filter"`
	PassThrough      struct {
		Mode string `json:"mode"`
	} `json:"pass_through"`
}

func dataCenterOf(w *wireInventory) DataCenter {
	return DataCenter{ID: w.ID, Name: w.Name, Status: w.Status}
}

func clusterOf(w *wireInventory) Cluster {
	return Cluster{ID: w.ID, Name: w.Name, DataCenterID: w.DataCenter.id(), Architecture: w.CPU.Architecture, CPUType: w.CPU.Type}
}

func networkOf(w *wireInventory) Network {
	return Network{ID: w.ID, Name: w.Name, DataCenterID: w.DataCenter.id(), ExternalProviderID: w.ExternalProvider.id()}
}

func vnicProfileOf(w *wireInventory) VNICProfile {
	return VNICProfile{ID: w.ID, Name: w.Name, NetworkID: w.Network.id(), NetworkFilterID: w.NetworkFilter.id(),
		PassThrough: w.PassThrough.Mode == "enabled"} // VnicPassThroughMode: enabled or disabled
}

func networkFilterOf(w *wireInventory) NetworkFilter { return NetworkFilter{ID: w.ID, Name: w.Name} }

func hostOf(w *wireInventory) Host {
	return Host{ID: w.ID, Name: w.Name, Status: w.Status, ClusterID: w.Cluster.id(), Memory: int64(w.Memory)}
}

func storageDomainOf(w *wireInventory) StorageDomain {
	return StorageDomain{ID: w.ID, Name: w.Name, Type: w.Type, Status: w.Status, Available: int64(w.Available), Used: int64(w.Used)}
}

type wireTemplate struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	Comment     string     `json:"comment"`
	Status      string     `json:"status"`
	Cluster     *reference `json:"cluster"`
	OS          wireType   `json:"os"`
	BIOS        wireType   `json:"bios"`
	Memory      integer    `json:"memory"`
	CPU         wireCPU    `json:"cpu"`
	Version     struct {
		Name   string     `json:"version_name"`
		Number integer    `json:"version_number"`
		Base   *reference `json:"base_template"`
	} `json:"version"`
}

func templateOf(w *wireTemplate) Template {
	return Template{ID: w.ID, Name: w.Name, Status: w.Status, ClusterID: w.Cluster.id(), OSType: w.OS.Type, BIOSType: w.BIOS.Type,
		Memory: int64(w.Memory), Architecture: w.CPU.Architecture, VersionName: w.Version.Name, Version: int(w.Version.Number),
		BaseID: w.Version.Base.id(), Description: w.Description, Comment: w.Comment}
}
