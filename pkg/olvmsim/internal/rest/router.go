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
	return slices.Concat(s.systemRoutes(), s.inventoryRoutes(), s.storageRoutes(), s.computeRoutes())
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
