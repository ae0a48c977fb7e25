package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// route is one method of one service of the API.
type route struct {
	method, pattern string
	handle          func(*request) (reply, error)
	// doc is the anchor in the engine's documentation that its complaint about a bad body names.
	doc string
	// action marks POSTs whose faults sit inside the action's representation.
	action bool
	// adminOnly marks queries that are not answered for plain users.
	adminOnly bool
}

func (s *Server) routeTable() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return append([]route{
		{method: get, pattern: "", handle: s.getAPI},
		{method: get, pattern: "datacenters", handle: many(s.listDataCenters)},
		{method: get, pattern: "datacenters/{datacenter}", handle: one(s.listDataCenters, "datacenter")},
		{method: get, pattern: "datacenters/{datacenter}/clusters", handle: many(s.listClusters)},
		{method: get, pattern: "datacenters/{datacenter}/networks", handle: many(s.listNetworks)},
		{method: get, pattern: "datacenters/{datacenter}/storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "datacenters/{datacenter}/storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "clusters", handle: many(s.listClusters)},
		{method: get, pattern: "clusters/{cluster}", handle: one(s.listClusters, "cluster")},
		{method: get, pattern: "clusters/{cluster}/networks", handle: many(s.listNetworks)},
		{method: get, pattern: "hosts", handle: many(s.listHosts)},
		{method: get, pattern: "hosts/{host}", handle: one(s.listHosts, "host")},
		{method: get, pattern: "networks", handle: many(s.listNetworks)},
		{method: get, pattern: "networks/{network}", handle: one(s.listNetworks, "network")},
		{method: get, pattern: "networks/{network}/vnicprofiles", handle: many(s.listVNICProfiles)},
		{method: get, pattern: "vnicprofiles", handle: many(s.listVNICProfiles)},
		{method: get, pattern: "vnicprofiles/{vnicprofile}", handle: one(s.listVNICProfiles, "vnicprofile")},
		{method: get, pattern: "storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "storagedomains/{storagedomain}/disks", handle: many(s.listDisks)},
		{method: get, pattern: "templates", handle: many(s.listTemplates)},
		{method: get, pattern: "templates/{template}", handle: one(s.listTemplates, "template")},
		{method: del, pattern: "templates/{template}", handle: s.removeTemplate},
		{method: get, pattern: "templates/{template}/diskattachments", handle: many(s.listAttachments)},
		{method: get, pattern: "templates/{template}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
		{method: get, pattern: "templates/{template}/nics", handle: many(s.listNICs)},
		{method: get, pattern: "templates/{template}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: get, pattern: "disks", handle: many(s.listDisks)},
		{method: get, pattern: "disks/{disk}", handle: one(s.listDisks, "disk")},
		{method: del, pattern: "disks/{disk}", handle: s.removeDisk},
		{method: get, pattern: "vms", handle: many(s.listVMs)},
		{method: post, pattern: "vms", handle: s.addVM, doc: "services/vms/methods/add"},
		{method: get, pattern: "vms/{vm}", handle: s.getVM},
		{method: put, pattern: "vms/{vm}", handle: s.updateVM, doc: "services/vm/methods/update"},
		{method: del, pattern: "vms/{vm}", handle: s.removeVM},
		{method: post, pattern: "vms/{vm}/start", handle: s.startVM, doc: "services/vm/methods/start", action: true},
		{method: post, pattern: "vms/{vm}/stop", handle: s.powerVM(s.Engine.StopVM), doc: "services/vm/methods/stop", action: true},
		{method: post, pattern: "vms/{vm}/shutdown", handle: s.powerVM(s.Engine.ShutdownVM), doc: "services/vm/methods/shutdown", action: true},
		{method: get, pattern: "vms/{vm}/nics", handle: many(s.listNICs)},
		{method: post, pattern: "vms/{vm}/nics", handle: s.addNIC, doc: "services/vm_nics/methods/add"},
		{method: get, pattern: "vms/{vm}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: put, pattern: "vms/{vm}/nics/{nic}", handle: s.updateNIC, doc: "services/vm_nic/methods/update"},
		{method: del, pattern: "vms/{vm}/nics/{nic}", handle: s.removeNIC},
		{method: get, pattern: "vms/{vm}/diskattachments", handle: many(s.listAttachments)},
		{method: post, pattern: "vms/{vm}/diskattachments", handle: s.addAttachment, doc: "services/disk_attachments/methods/add"},
		{method: get, pattern: "vms/{vm}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
		{method: del, pattern: "vms/{vm}/diskattachments/{disk}", handle: s.removeAttachment},
		{method: get, pattern: "jobs", handle: many(s.listJobs), adminOnly: true},
		{method: get, pattern: "jobs/{job}", handle: s.getJob, adminOnly: true},
		{method: get, pattern: "events", handle: many(s.listEvents)},
	}, s.accessRoutes()...)
}

// accessRoutes are those of users and of what they may do, and of network filters.
func (s *Server) accessRoutes() []route {
	get := http.MethodGet
	return []route{
		{method: get, pattern: "networkfilters", handle: many(s.listNetworkFilters), adminOnly: true},
		{method: get, pattern: "networkfilters/{networkfilter}", handle: one(s.listNetworkFilters, "networkfilter"), adminOnly: true},
		{method: get, pattern: "users", handle: many(s.listUsers)},
		{method: get, pattern: "users/{user}", handle: one(s.listUsers, "user")},
		{method: get, pattern: "users/{user}/permissions", handle: many(s.listPermissions)},
		{method: get, pattern: "roles", handle: many(s.listRoles)},
		{method: get, pattern: "roles/{role}", handle: one(s.listRoles, "role")},
		{method: get, pattern: "roles/{role}/permits", handle: many(s.listPermits)},
	}
}

// match finds the route of a path. The pattern is returned for the journal even when nothing is found: ids in it are
// replaced, so that equal calls look equal.
func (s *Server) match(r *request, segments []string) (route, string) {
	for _, candidate := range s.routes {
		want := splitPath(candidate.pattern)
		if candidate.method != r.Method || len(want) != len(segments) {
			continue
		}
		if ids, ok := bind(want, segments); ok {
			r.ids, r.doc, r.vmID = ids, candidate.doc, ids["vm"]
			return candidate, candidate.pattern
		}
	}
	pattern := slices.Clone(segments)
	for i, segment := range segments {
		if isUUID(segment) {
			pattern[i] = "{id}"
		}
		if i == 1 && segments[0] == "vms" {
			r.vmID = segment
		}
	}
	return route{}, strings.Join(pattern, "/")
}

func bind(want, segments []string) (map[string]string, bool) {
	ids := map[string]string{}
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			ids[strings.Trim(w, "{}")] = segments[i]
		case w != segments[i]:
			return nil, false
		}
	}
	return ids, true
}

// collectionsNotSimulated answer like empty ones.
const collectionsNotSimulated = " affinitygroups affinitylabels applications assignedcpuprofiles balances backups bookmarks cdroms " +
	"cpuprofiles diskprofiles diskprofile diskattachments domains events externalhostproviders externaltemplateimports externalvmimports " +
	"filters fences files glustervolumes graphicsconsoles groups hostdevices hostnics hooks icons imagetransfers images instancetypes " +
	"iscsibonds jobs katelloerrata labels macpools mediateddevices networkattachments networkfilterparameters networkfilters " +
	"networkproviders nics numanodes openstackimageproviders openstacknetworkproviders openstackvolumeproviders operatingsystems " +
	"permissions permits policies policyunits qoss quotas reporteddevices roles schedulingpolicies schedulingpolicyunits sessions " +
	"snapshots statistics steps storage storageconnections storagedomains tags templates unmanagednetworks users vmpools vms " +
	"vnicprofiles watchdogs weights "

// notSimulated answers for paths that have no route: the entity above must exist, its collections are empty, and
// everything else says what it is.
func (s *Server) notSimulated(r *request, segments []string) (reply, error) {
	if len(segments) >= 2 && segments[0] == "vms" {
		if _, err := s.Engine.VM(segments[1]); err != nil {
			return reply{}, err
		}
	}
	isCollection := len(segments) > 0 && strings.Contains(collectionsNotSimulated, " "+segments[len(segments)-1]+" ")
	switch {
	case r.Method == http.MethodGet && isCollection:
		return reply{http.StatusOK, struct{}{}}, nil
	case r.Method == http.MethodGet:
		return reply{status: http.StatusNotFound}, nil
	}
	return reply{}, &engine.Fault{
		Status: http.StatusNotImplemented, Reason: "Not simulated",
		Detail: r.Method + " /" + strings.Join(segments, "/") + " is not simulated",
	}
}

// id returns an id of the path, which must be a UUID.
func (r *request) id(name string) (string, error) {
	id := r.ids[name]
	if !isUUID(id) {
		return "", engine.MalformedID(id)
	}
	return strings.ToLower(id), nil
}

// isUUID takes the plain form only, unlike the library.
func isUUID(id string) bool { return len(id) == 36 && uuid.Validate(id) == nil }
