package ovirt

import (
	"context"
	"net/http"
	"slices"
)

// System is the engine itself.
type System struct {
	Product, Vendor string
	FullVersion     string // for example 4.5.5-1.el9
	Major, Minor    int
}

// DataCenter holds clusters, networks and storage.
type DataCenter struct {
	ID, Name string
	Status   string // up when usable
}

// Cluster is a group of hosts.
type Cluster struct {
	ID, Name, DataCenterID string
	Architecture, CPUType  string
}

// Network is a logical network of a data center.
type Network struct {
	ID, Name, DataCenterID string
}

// VNICProfile is how a NIC uses a network.
type VNICProfile struct {
	ID, Name, NetworkID string
}

// Template is one version of a template.
type Template struct {
	ID, Name    string
	Status      string // ok, locked or illegal
	Version     int    // 1 for the base version
	VersionName string
	ClusterID   string // empty for the Blank template
	OSType      string
	BIOSType    string
	// Architecture is for example x86_64.
	Architecture string
	Memory       int64 // bytes
}

// StorageDomain holds disks.
type StorageDomain struct {
	ID, Name        string
	Type            string // data, iso, export, image
	Available, Used int64  // bytes
}

// Host runs VMs.
type Host struct {
	ID, Name, ClusterID string
	Status              string // up when it can run VMs
	Memory              int64  // bytes
}

// System reads the product and its version. It is the cheapest call that proves address, certificate and credentials.
func (c *Client) System(ctx context.Context) (*System, error) {
	return one(ctx, c, request{name: "system.get", operation: "read the engine's version", method: http.MethodGet}, systemOf)
}

// DataCenterByName finds a data center; NotFound when there is none of that name that this user sees.
func (c *Client) DataCenterByName(ctx context.Context, name string) (*DataCenter, error) {
	r, err := findRequest("datacenters.list", "find data center", name, "datacenters")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "data_center", dataCenterOf)
	return only(r, found, err, func(d *DataCenter) bool { return d.Name == name })
}

// ClusterByName finds a cluster of a data center.
func (c *Client) ClusterByName(ctx context.Context, dataCenterID, name string) (*Cluster, error) {
	r := clustersRequest(dataCenterID, "find cluster", name)
	found, err := list(ctx, c, r, "cluster", clusterOf)
	return only(r, found, err, func(o *Cluster) bool { return o.Name == name })
}

// NetworkByName finds a logical network of a data center.
func (c *Client) NetworkByName(ctx context.Context, dataCenterID, name string) (*Network, error) {
	r := request{name: "datacenters.networks.list", operation: "find network", object: name,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "networks"}}
	found, err := list(ctx, c, r, "network", networkOf)
	return only(r, found, err, func(n *Network) bool { return n.Name == name })
}

// VNICProfileByName finds a vNIC profile of a network.
func (c *Client) VNICProfileByName(ctx context.Context, networkID, name string) (*VNICProfile, error) {
	r := request{name: "networks.vnicprofiles.list", operation: "find vNIC profile", object: name,
		method: http.MethodGet, path: []string{"networks", networkID, "vnicprofiles"}}
	found, err := list(ctx, c, r, "vnic_profile", vnicProfileOf)
	return only(r, found, err, func(p *VNICProfile) bool { return p.Name == name })
}

// TemplateByName finds the newest version of a template, whatever its status. Names are unique in a data center only, and a
// template names a cluster, not a data center: with a dataCenterID a second call reads which clusters are in it, and an empty
// dataCenterID takes the template of any data center. (Following the reference in one call fails for the Blank template, which
// has no cluster: LinkFollower.)
func (c *Client) TemplateByName(ctx context.Context, dataCenterID, name string) (*Template, error) {
	r, err := findRequest("templates.list", "find template", name, "templates")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "template", templateOf)
	found = slices.DeleteFunc(found, func(t Template) bool { return t.Name != name })
	if dataCenterID != "" && len(found) > 0 {
		var here []Cluster
		here, err = list(ctx, c, clustersRequest(dataCenterID, r.operation, name), "cluster", clusterOf)
		found = slices.DeleteFunc(found, func(t Template) bool {
			return t.ClusterID != "" && !slices.ContainsFunc(here, func(o Cluster) bool { return o.ID == t.ClusterID })
		})
	}
	slices.SortStableFunc(found, func(a, b Template) int { return b.Version - a.Version })
	return only(r, found, err, func(*Template) bool { return true })
}

// StorageDomainByName finds a storage domain.
func (c *Client) StorageDomainByName(ctx context.Context, name string) (*StorageDomain, error) {
	r, err := findRequest("storagedomains.list", "find storage domain", name, "storagedomains")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "storage_domain", storageDomainOf)
	return only(r, found, err, func(s *StorageDomain) bool { return s.Name == name })
}

// Hosts lists the hosts of a cluster, whatever their status.
func (c *Client) Hosts(ctx context.Context, clusterID string) ([]Host, error) {
	hosts, err := list(ctx, c, request{
		name: "hosts.list", operation: "list hosts", method: http.MethodGet, path: []string{"hosts"},
	}, "host", hostOf)
	return slices.DeleteFunc(hosts, func(h Host) bool { return h.ClusterID != clusterID }), err
}

func clustersRequest(dataCenterID, operation, object string) request {
	return request{name: "datacenters.clusters.list", operation: operation, object: object,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "clusters"}}
}

// findRequest lists a top-level collection, searched by name.
func findRequest(name, operation, object, collection string) (request, error) {
	term, err := SearchTerm("name", object)
	if err != nil {
		return request{}, err
	}
	return request{
		name: name, operation: operation, object: object, method: http.MethodGet, path: []string{collection}, query: searchQuery(term),
	}, nil
}

// only picks the first match, or makes the NotFound of a search.
func only[T any](r request, items []T, err error, match func(*T) bool) (*T, error) {
	if err != nil {
		return nil, err
	}
	for n := range items {
		if match(&items[n]) {
			return &items[n], nil
		}
	}
	return nil, &Error{Kind: NotFound, Operation: r.operation, Object: r.object}
}
