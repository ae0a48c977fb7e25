package engine

import (
	"cmp"
	"fmt"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
	// maxMemoryLimit is the engine's VM64BitMaxMemorySizeInMB for x86_64.
	maxMemoryLimit = 4096 * gib
)

// stableID derives an id from kind and name, so that it is the same in every run.
func stableID(given, kind, name string) string {
	return cmp.Or(given, uuid.NewSHA1(uuid.NameSpaceURL, []byte("olvmsim:"+kind+"/"+name)).String())
}

// seed fills in the inventory's defaults and resolves its references.
func (e *Engine) seed(inv inventory.Inventory) error {
	if len(inv.DataCenters) == 0 || len(inv.Clusters) == 0 {
		return fmt.Errorf("inventory: at least one data center and one cluster are needed")
	}
	for _, d := range inv.DataCenters {
		e.dataCenters = append(e.dataCenters, DataCenter{
			ID: stableID(d.ID, "datacenter", d.Name), Name: d.Name, Description: d.Description, Status: cmp.Or(d.Status, StatusUp),
		})
	}
	for _, c := range inv.Clusters {
		dc, err := e.seedDataCenter("cluster "+c.Name, c.DataCenter)
		if err != nil {
			return err
		}
		e.clusters = append(e.clusters, Cluster{
			ID: stableID(c.ID, "cluster", c.Name), Name: c.Name, Description: c.Description, DataCenterID: dc.ID,
			CPUType: cmp.Or(c.CPUType, "Intel Cascadelake Server Family"),
		})
	}
	for _, step := range []func(inventory.Inventory) error{e.seedHosts, e.seedStorage, e.seedNetworks, e.seedTemplates} {
		if err := step(inv); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) seedHosts(inv inventory.Inventory) error {
	for _, h := range inv.Hosts {
		cluster, err := e.seedCluster("host "+h.Name, h.Cluster)
		if err != nil {
			return err
		}
		e.hosts = append(e.hosts, Host{
			ID: stableID(h.ID, "host", h.Name), Name: h.Name, Address: cmp.Or(h.Address, h.Name), ClusterID: cluster.ID,
			Status: cmp.Or(h.Status, StatusUp), Memory: cmp.Or(h.MemoryBytes, 256*gib), Cores: cmp.Or(h.Cores, 32),
		})
	}
	return nil
}

func (e *Engine) seedStorage(inv inventory.Inventory) error {
	for _, s := range inv.StorageDomains {
		dc, err := e.seedDataCenter("storage domain "+s.Name, s.DataCenter)
		if err != nil {
			return err
		}
		e.storageDomains = append(e.storageDomains, StorageDomain{
			ID: stableID(s.ID, "storagedomain", s.Name), Name: s.Name, DataCenterID: dc.ID, Type: cmp.Or(s.Type, "nfs"),
			Status: cmp.Or(s.Status, "active"), Available: cmp.Or(s.AvailableBytes, 1024*gib),
		})
	}
	return nil
}

func (e *Engine) seedNetworks(inv inventory.Inventory) error {
	for _, n := range inv.Networks {
		dc, err := e.seedDataCenter("network "+n.Name, n.DataCenter)
		if err != nil {
			return err
		}
		id := stableID(n.ID, "network", dc.Name+"/"+n.Name)
		e.networks = append(e.networks, Network{ID: id, Name: n.Name, DataCenterID: dc.ID, VLAN: n.VLAN})
	}
	for _, p := range inv.VNICProfiles {
		dc, err := e.seedDataCenter("vNIC profile "+p.Name, p.DataCenter)
		if err != nil {
			return err
		}
		inDC := make([]Network, 0, len(e.networks))
		for _, n := range e.networks {
			if n.DataCenterID == dc.ID {
				inDC = append(inDC, n)
			}
		}
		network, err := find(inDC, "vNIC profile "+p.Name, "network", cmp.Or(p.Network, p.Name), func(n Network) string { return n.Name })
		if err != nil {
			return err
		}
		e.profiles = append(e.profiles, VNICProfile{
			ID:   stableID(p.ID, "vnicprofile", dc.Name+"/"+network.Name+"/"+p.Name),
			Name: p.Name, NetworkID: network.ID, NetworkFilter: p.NetworkFilter,
		})
	}
	return nil
}

func (e *Engine) seedTemplates(inv inventory.Inventory) error {
	e.templates[BlankTemplateID] = &Template{
		ID: BlankTemplateID, Name: "Blank", Description: "Blank template", ClusterID: e.clusters[0].ID, Status: StatusOK,
		CreationTime: e.timeline.now(), Hardware: defaultHardware(inventory.Template{OSType: "other", VMType: "desktop", MemoryBytes: gib, Cores: 1}),
	}
	for _, t := range inv.Templates {
		if err := e.seedTemplate(t); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) seedTemplate(t inventory.Template) error {
	what := "template " + t.Name
	cluster, err := e.seedCluster(what, t.Cluster)
	if err != nil {
		return err
	}
	template := &Template{
		ID: stableID(t.ID, "template", t.Name), Name: t.Name, Description: t.Description, ClusterID: cluster.ID, Status: StatusOK,
		CreationTime: e.timeline.now(), Hardware: defaultHardware(t), KubernetesVersion: t.KubernetesVersion,
	}
	for i, d := range t.Disks {
		alias := cmp.Or(d.Alias, fmt.Sprintf("%s_Disk%d", t.Name, i+1))
		sd, err := find(e.storageDomains, what, "storage domain", d.StorageDomain, func(s StorageDomain) string { return s.Name })
		if err != nil {
			return err
		}
		disk := &Disk{
			ID: stableID(d.ID, "disk", t.Name+"/"+alias), Alias: alias, Status: StatusOK, Format: cmp.Or(d.Format, "cow"),
			StorageDomainID: sd.ID, ImageID: stableID("", "image", t.Name+"/"+alias), ContentType: "data",
			ProvisionedSize: cmp.Or(d.SizeBytes, 15*gib), ActualSize: 2 * gib, Sparse: true,
		}
		e.disks[disk.ID] = disk
		template.Disks = append(template.Disks, Attachment{DiskID: disk.ID, Interface: "virtio_scsi", Bootable: !d.Data, Active: true})
	}
	for _, n := range t.NICs {
		nic := NIC{ID: stableID(n.ID, "nic", t.Name+"/"+n.Name), Name: n.Name, Interface: cmp.Or(n.Interface, "virtio"), Linked: true, Plugged: true}
		if n.VNICProfile != "" {
			profile, err := find(e.profiles, what, "vNIC profile", n.VNICProfile, func(p VNICProfile) string { return p.Name })
			if err != nil {
				return err
			}
			nic.ProfileID = profile.ID
		}
		template.NICs = append(template.NICs, nic)
	}
	e.templates[template.ID] = template
	return nil
}

func defaultHardware(t inventory.Template) Hardware {
	memory := cmp.Or(t.MemoryBytes, 4*gib)
	return Hardware{
		Type: cmp.Or(t.VMType, "server"), OSType: cmp.Or(t.OSType, "other"), BIOSType: cmp.Or(t.BIOSType, "q35_ovmf"),
		CPU:    CPU{Architecture: "x86_64", Sockets: 1, Cores: cmp.Or(t.Cores, 2), Threads: 1},
		Memory: memory, GuaranteedMemory: memory, MaxMemory: defaultMaxMemory(memory), Ballooning: true,
		BootDevices: []string{"hd"}, Affinity: "migratable", HAPriority: 1,
	}
}

func (e *Engine) seedDataCenter(what, name string) (DataCenter, error) {
	return find(e.dataCenters, what, "data center", name, func(d DataCenter) string { return d.Name })
}

func (e *Engine) seedCluster(what, name string) (Cluster, error) {
	return find(e.clusters, what, "cluster", name, func(c Cluster) string { return c.Name })
}

// find returns the item of that name, or the first item when no name is given.
func find[T any](items []T, what, kind, name string, nameOf func(T) string) (T, error) {
	for _, item := range items {
		if name == "" || nameOf(item) == name {
			return item, nil
		}
	}
	var none T
	return none, fmt.Errorf("inventory: %s: no %s %q", what, kind, name)
}
