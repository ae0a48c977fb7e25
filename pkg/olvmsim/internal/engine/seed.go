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
	e.maxVMName = inv.MaxVMNameLength
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
	for _, step := range []func(inventory.Inventory) error{
		e.seedHosts, e.seedStorage, e.seedNetworks, e.seedTemplates, e.reserveTemplates, e.seedUsers, e.seedLabels, e.seedQuotas,
	} {
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

func (e *Engine) seedLabels(inv inventory.Inventory) error {
	for _, l := range inv.AffinityLabels {
		label := &AffinityLabel{ID: stableID(l.ID, "affinitylabel", l.Name), Name: l.Name, Implicit: l.Implicit}
		for _, name := range l.Hosts {
			host, err := find(e.hosts, "affinity label "+l.Name, "host", name, func(h Host) string { return h.Name })
			if err != nil {
				return err
			}
			label.Hosts = append(label.Hosts, host.ID)
		}
		if e.affinityLabels == nil {
			e.affinityLabels = map[string]*AffinityLabel{}
		}
		e.affinityLabels[label.ID] = label
	}
	return nil
}

func (e *Engine) seedQuotas(inv inventory.Inventory) error {
	for _, q := range inv.Quotas {
		dc, err := e.seedDataCenter("quota "+q.Name, q.DataCenter)
		if err != nil {
			return err
		}
		e.store.named = append(e.store.named, Quota{ID: stableID(q.ID, "quota", dc.Name+"/"+q.Name), Name: q.Name, DataCenterID: dc.ID})
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
			Status: cmp.Or(s.Status, "active"), capacity: cmp.Or(s.AvailableBytes, 1024*gib),
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
		network := Network{ID: id, Name: n.Name, DataCenterID: dc.ID, VLAN: n.VLAN}
		if n.ExternalProvider != "" {
			network.ProviderID = stableID("", "networkprovider", n.ExternalProvider)
		}
		e.networks = append(e.networks, network)
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
		filterID, err := e.filterByName(p.NetworkFilter)
		if err != nil {
			return fmt.Errorf("inventory: vNIC profile %s: %w", p.Name, err)
		}
		e.profiles = append(e.profiles, VNICProfile{
			ID:   stableID(p.ID, "vnicprofile", dc.Name+"/"+network.Name+"/"+p.Name),
			Name: p.Name, NetworkID: network.ID, NetworkFilterID: filterID, PassThrough: p.PassThrough,
		})
	}
	return nil
}

// reserveTemplates makes the free space that the inventory states the one beside its templates.
func (e *Engine) reserveTemplates(inventory.Inventory) error {
	for i := range e.storageDomains {
		e.storageDomains[i].capacity += e.used(e.storageDomains[i].ID)
	}
	return nil
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
