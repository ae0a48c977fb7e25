package ovirt

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
	Format string     `json:"format"`
	Sparse boolean    `json:"sparse"`
	Quota  *reference `json:"quota"`
}

// wireAttachedDisk is an attachment whose link to the disk was followed.
type wireAttachedDisk struct {
	ID        string    `json:"id"`
	Disk      *wireDisk `json:"disk"`
	Interface string    `json:"interface"`
	Bootable  boolean   `json:"bootable"`
	Active    boolean   `json:"active"`
}

func attachedDiskOf(w *wireAttachedDisk) AttachedDisk {
	attached := AttachedDisk{DiskAttachment: DiskAttachment{
		ID: w.ID, DiskID: w.ID, Interface: w.Interface, Bootable: bool(w.Bootable), Active: bool(w.Active),
	}}
	if w.Disk != nil {
		attached.Disk = diskOf(w.Disk)
	}
	if attached.Disk.ID == "" {
		attached.Disk.ID = w.ID // they are the same
	}
	return attached
}

func diskOf(w *wireDisk) Disk {
	disk := Disk{ID: w.ID, Name: w.Name, Description: w.Description, Status: w.Status,
		ProvisionedSize: int64(w.ProvisionedSize), ActualSize: int64(w.ActualSize), Format: w.Format, Sparse: bool(w.Sparse), QuotaID: w.Quota.id()}
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

func quotaOf(w *wireInventory) DataCenterQuota {
	return DataCenterQuota{ID: w.ID, Name: w.Name, DataCenterID: w.DataCenter.id()}
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
