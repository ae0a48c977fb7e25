package rest

import (
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

func ref(collection, id string) *Ref {
	return &Ref{Href: apiRoot + "/" + collection + "/" + id, ID: id}
}

// subLinks are the links to the collections below an object.
func subLinks(href string, collections ...string) []Link {
	links := make([]Link, 0, len(collections))
	for _, c := range collections {
		links = append(links, Link{Href: href + "/" + c, Rel: c})
	}
	return links
}

func actionLinks(href string, actions ...string) *Links {
	return &Links{Link: subLinks(href, actions...)}
}

func compatibility() Version { return Version{Major: 4, Minor: 7} }

func showDataCenter(d engine.DataCenter) DataCenter {
	href := ref("datacenters", d.ID).Href
	return DataCenter{
		Description: d.Description, Href: href, ID: d.ID, Link: subLinks(href, "clusters", "networks", "storagedomains", "quotas"),
		Name: d.Name, QuotaMode: "disabled", Status: d.Status, Version: compatibility(),
	}
}

func showCluster(c engine.Cluster) Cluster {
	href := ref("clusters", c.ID).Href
	out := Cluster{
		CPU: CPU{Architecture: "x86_64", Type: c.CPUType}, DataCenter: *ref("datacenters", c.DataCenterID), Description: c.Description,
		Href: href, ID: c.ID, Link: subLinks(href, "networks", "affinitygroups", "cpuprofiles"), Name: c.Name, Version: compatibility(),
	}
	out.MemoryPolicy.OverCommit.Percent = 100
	return out
}

func showHost(h engine.Host) Host {
	href := ref("hosts", h.ID).Href
	return Host{
		Address: h.Address, Cluster: *ref("clusters", h.ClusterID),
		CPU:                 CPU{Topology: &Topology{Cores: ptr(Int(h.Cores)), Sockets: ptr(Int(1)), Threads: ptr(Int(1))}},
		HardwareInformation: Hardware{UUID: h.ID}, Href: href, ID: h.ID, Link: subLinks(href, "nics", "statistics", "permissions"),
		MaxSchedulingMemory: Int(h.SchedulingMemory), Memory: Int(h.Memory), Name: h.Name, Status: h.Status, Type: "rhel",
	}
}

func showNetwork(n engine.Network) Network {
	href := ref("networks", n.ID).Href
	out := Network{
		DataCenter: *ref("datacenters", n.DataCenterID), Href: href, ID: n.ID, Link: subLinks(href, "vnicprofiles", "permissions"),
		Name: n.Name, Usages: Usages{Usage: []string{"vm"}},
	}
	if n.ProviderID != "" {
		out.ExternalProvider = ref("openstacknetworkproviders", n.ProviderID)
	}
	if n.VLAN != 0 {
		out.VLAN = &VLAN{ID: Int(n.VLAN)}
	}
	return out
}

func showVNICProfile(p engine.VNICProfile) VNICProfile {
	href := ref("vnicprofiles", p.ID).Href
	out := VNICProfile{Href: href, ID: p.ID, Link: subLinks(href, "permissions"), Name: p.Name, Network: *ref("networks", p.NetworkID)}
	out.PassThrough.Mode = "disabled"
	if p.PassThrough {
		out.PassThrough.Mode = "enabled"
	}
	if p.NetworkFilterID != "" {
		out.NetworkFilter = ref("networkfilters", p.NetworkFilterID)
	}
	return out
}

func showStorageDomain(d engine.StorageDomain, inDataCenter bool) StorageDomain {
	href := ref("storagedomains", d.ID).Href
	out := StorageDomain{
		Available: Int(d.Available), Committed: Int(d.Used), DataCenters: DCRefs{DataCenter: []Ref{*ref("datacenters", d.DataCenterID)}},
		ExternalStatus: "ok", Href: href, ID: d.ID, Link: subLinks(href, "disks", "templates", "vms", "diskprofiles"),
		Name: d.Name, Storage: Storage{Type: d.Type}, StorageFormat: "v5", Type: "data", Used: Int(d.Used),
	}
	if inDataCenter {
		out.Status = d.Status
	}
	return out
}

func showJob(j engine.Job) Job {
	href := ref("jobs", j.ID).Href
	updated := j.StartTime
	if !j.EndTime.IsZero() {
		updated = j.EndTime
	}
	return Job{
		AutoCleared: true, Description: j.Description, EndTime: millis(j.EndTime), Href: href, ID: j.ID, LastUpdated: millis(updated),
		Link: subLinks(href, "steps"), Owner: *ref("users", j.OwnerID), StartTime: millis(j.StartTime), Status: j.Status,
	}
}
