package ovirt

import (
	"cmp"
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
	// ExternalProviderID is empty for a network that the engine itself provides, by VLAN or bridge.
	ExternalProviderID string
}

// VNICProfile is how a NIC uses a network.
type VNICProfile struct {
	ID, Name, NetworkID string
	NetworkFilterID     string // empty without a filter
	PassThrough         bool   // the guest gets a device of the host (SR-IOV), beside its bridge
}

// NetworkFilter is a rule of the hosts' libvirt for what a NIC may send.
type NetworkFilter struct {
	ID, Name string // Name is libvirt's, for example vdsm-no-mac-spoofing
}

// Template is one version of a template.
type Template struct {
	ID, Name    string
	Status      string // ok, locked or illegal
	Version     int    // 1 for the base version
	VersionName string
	BaseID      string // the id of version 1
	ClusterID   string // empty for the Blank template
	// Description is for people, Comment for whoever made the template.
	Description, Comment string
	OSType               string
	BIOSType             string
	// Architecture is for example x86_64.
	Architecture string
	Memory       int64 // bytes
}

// StorageDomain holds disks.
type StorageDomain struct {
	ID, Name        string
	Type            string // data, iso, export, image
	Status          string // active when usable; only in the list of a data center (StorageDomains), otherwise empty
	Available, Used int64  // bytes
}

// DataCenterQuota limits what the users of a data center may use, where the data center's quota mode is not disabled.
type DataCenterQuota struct {
	ID, Name, DataCenterID string
}

// Host runs VMs.
type Host struct {
	ID, Name, ClusterID string
	Status              string // up when it can run VMs
	Memory              int64  // bytes
}

// System reads the product and its version. It is the cheapest call that proves address, certificate and credentials.
func (c *Client) System(ctx context.Context) (*System, error) {
	return one(ctx, c, rootRequest("read the engine's version"), systemOf)
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

// DataCenters lists the data centers that this user sees.
func (c *Client) DataCenters(ctx context.Context) ([]DataCenter, error) {
	return list(ctx, c, request{
		name: "datacenters.list", operation: "list data centers", method: http.MethodGet, path: []string{"datacenters"},
	}, "data_center", dataCenterOf)
}

// Clusters lists the clusters of a data center.
func (c *Client) Clusters(ctx context.Context, dataCenterID string) ([]Cluster, error) {
	return list(ctx, c, clustersRequest(dataCenterID, "list clusters of data center", dataCenterID), "cluster", clusterOf)
}

// Cluster reads a cluster; NotFound when there is none of that id that this user sees.
func (c *Client) Cluster(ctx context.Context, id string) (*Cluster, error) {
	return one(ctx, c, request{
		name: "clusters.get", operation: "read cluster", object: id, method: http.MethodGet, path: []string{"clusters", id},
	}, clusterOf)
}

// ClusterByName finds a cluster of a data center.
func (c *Client) ClusterByName(ctx context.Context, dataCenterID, name string) (*Cluster, error) {
	r := clustersRequest(dataCenterID, "find cluster", name)
	found, err := list(ctx, c, r, "cluster", clusterOf)
	return only(r, found, err, func(o *Cluster) bool { return o.Name == name })
}

// Networks lists the logical networks of a data center.
func (c *Client) Networks(ctx context.Context, dataCenterID string) ([]Network, error) {
	return list(ctx, c, networksRequest(dataCenterID, "list networks of data center", dataCenterID), "network", networkOf)
}

// NetworkByName finds a logical network of a data center.
func (c *Client) NetworkByName(ctx context.Context, dataCenterID, name string) (*Network, error) {
	r := networksRequest(dataCenterID, "find network", name)
	found, err := list(ctx, c, r, "network", networkOf)
	return only(r, found, err, func(n *Network) bool { return n.Name == name })
}

// VNICProfiles lists the vNIC profiles of a network.
func (c *Client) VNICProfiles(ctx context.Context, networkID string) ([]VNICProfile, error) {
	return list(ctx, c, vnicProfilesRequest(networkID, "list vNIC profiles of network", networkID), "vnic_profile", vnicProfileOf)
}

// VNICProfileByName finds a vNIC profile of a network.
func (c *Client) VNICProfileByName(ctx context.Context, networkID, name string) (*VNICProfile, error) {
	r := vnicProfilesRequest(networkID, "find vNIC profile", name)
	found, err := list(ctx, c, r, "vnic_profile", vnicProfileOf)
	return only(r, found, err, func(p *VNICProfile) bool { return p.Name == name })
}

// NetworkFilter reads the name of a network filter. Only administrators may (QueryType.GetNetworkFilterById): Forbidden for others.
func (c *Client) NetworkFilter(ctx context.Context, id string) (*NetworkFilter, error) {
	return one(ctx, c, request{
		name: "networkfilters.get", operation: "get network filter", object: id, method: http.MethodGet, path: []string{"networkfilters", id},
	}, networkFilterOf)
}

// Templates lists the templates of a data center, all of their versions, by name and newest version first. Templates without a
// cluster (Blank) belong to every data center.
func (c *Client) Templates(ctx context.Context, dataCenterID string) ([]Template, error) {
	r := request{name: "templates.list", operation: "list templates of data center", object: dataCenterID,
		method: http.MethodGet, path: []string{"templates"}}
	found, err := list(ctx, c, r, "template", templateOf)
	if err == nil {
		found, err = c.templatesIn(ctx, r, dataCenterID, found)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b Template) int { return cmp.Or(cmp.Compare(a.Name, b.Name), b.Version-a.Version) })
	return found, nil
}

// TemplateByName finds the newest version of a template, the one with the highest number, whatever its status: TemplatesByName
// has the others. NotFound when there is none.
func (c *Client) TemplateByName(ctx context.Context, dataCenterID, name string) (*Template, error) {
	found, err := c.TemplatesByName(ctx, dataCenterID, name)
	return only(request{operation: findTemplate, object: name}, found, err, func(*Template) bool { return true })
}

const findTemplate = "find template"

// TemplatesByName lists all versions of a template, the newest first, and nothing when there is none. Names are unique in a data
// center only, and a template names a cluster, not a data center: with a dataCenterID a second call reads which clusters are in
// it, and an empty dataCenterID takes the templates of any data center. (Following the reference in one call fails for the Blank
// template, which has no cluster: LinkFollower.)
func (c *Client) TemplatesByName(ctx context.Context, dataCenterID, name string) ([]Template, error) {
	r, err := findRequest("templates.list", findTemplate, name, "templates")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "template", templateOf)
	found = slices.DeleteFunc(found, func(t Template) bool { return t.Name != name })
	if dataCenterID != "" && len(found) > 0 {
		found, err = c.templatesIn(ctx, r, dataCenterID, found)
	}
	slices.SortStableFunc(found, func(a, b Template) int { return b.Version - a.Version })
	return found, err
}

// templatesIn keeps the templates whose cluster is in the data center, and those that have none.
func (c *Client) templatesIn(ctx context.Context, r request, dataCenterID string, templates []Template) ([]Template, error) {
	here, err := list(ctx, c, clustersRequest(dataCenterID, r.operation, r.object), "cluster", clusterOf)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(templates, func(t Template) bool {
		return t.ClusterID != "" && !slices.ContainsFunc(here, func(o Cluster) bool { return o.ID == t.ClusterID })
	}), nil
}

// StorageDomains lists the storage domains of a data center, with their status there.
func (c *Client) StorageDomains(ctx context.Context, dataCenterID string) ([]StorageDomain, error) {
	return list(ctx, c, request{
		name: "datacenters.storagedomains.list", operation: "list storage domains of data center", object: dataCenterID,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "storagedomains"},
	}, "storage_domain", storageDomainOf)
}

// StorageDomainInDataCenter finds a storage domain of a data center, with its status there.
func (c *Client) StorageDomainInDataCenter(ctx context.Context, dataCenterID, name string) (*StorageDomain, error) {
	found, err := c.StorageDomains(ctx, dataCenterID)
	return only(request{operation: "find storage domain", object: name}, found, err, func(s *StorageDomain) bool { return s.Name == name })
}

// Quotas lists the quotas of a data center.
func (c *Client) Quotas(ctx context.Context, dataCenterID string) ([]DataCenterQuota, error) {
	return list(ctx, c, quotasRequest(dataCenterID, "list quotas of data center", dataCenterID), "quota", quotaOf)
}

// QuotaByName finds a quota of a data center.
func (c *Client) QuotaByName(ctx context.Context, dataCenterID, name string) (*DataCenterQuota, error) {
	r := quotasRequest(dataCenterID, "find quota", name)
	found, err := list(ctx, c, r, "quota", quotaOf)
	return only(r, found, err, func(q *DataCenterQuota) bool { return q.Name == name })
}

// StorageDomainByName finds a storage domain of any data center, without its status.
func (c *Client) StorageDomainByName(ctx context.Context, name string) (*StorageDomain, error) {
	r, err := findRequest("storagedomains.list", "find storage domain", name, "storagedomains")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "storage_domain", storageDomainOf)
	return only(r, found, err, func(s *StorageDomain) bool { return s.Name == name })
}

// Hosts lists the hosts of a cluster, whatever their status. At user level (see UserLevel) there may be none to see.
func (c *Client) Hosts(ctx context.Context, clusterID string) ([]Host, error) {
	hosts, err := list(ctx, c, request{
		name: "hosts.list", operation: "list hosts", method: http.MethodGet, path: []string{"hosts"},
	}, "host", hostOf)
	return slices.DeleteFunc(hosts, func(h Host) bool { return h.ClusterID != clusterID }), err
}

// HostByName finds a host of any cluster, whatever its status.
func (c *Client) HostByName(ctx context.Context, name string) (*Host, error) {
	r, err := findRequest("hosts.list", "find host", name, "hosts")
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, c, r, "host", hostOf)
	return only(r, found, err, func(h *Host) bool { return h.Name == name })
}

// rootRequest is a user-level call for everybody: an unfiltered one adds a summary, and fails with a 500 for a user without an
// administrator's role (BackendApiResource).
func rootRequest(operation string) request {
	return request{name: "system.get", operation: operation, method: http.MethodGet, userLevel: true}
}

func clustersRequest(dataCenterID, operation, object string) request {
	return request{name: "datacenters.clusters.list", operation: operation, object: object,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "clusters"}}
}

func networksRequest(dataCenterID, operation, object string) request {
	return request{name: "datacenters.networks.list", operation: operation, object: object,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "networks"}}
}

func quotasRequest(dataCenterID, operation, object string) request {
	return request{name: "datacenters.quotas.list", operation: operation, object: object,
		method: http.MethodGet, path: []string{"datacenters", dataCenterID, "quotas"}}
}

func vnicProfilesRequest(networkID, operation, object string) request {
	return request{name: "networks.vnicprofiles.list", operation: operation, object: object,
		method: http.MethodGet, path: []string{"networks", networkID, "vnicprofiles"}}
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
