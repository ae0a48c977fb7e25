package rest

import (
	"cmp"
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
	// segments are the pattern's.
	segments []string
}

func (s *Server) routeTable() []route {
	routes := slices.Concat(s.systemRoutes(), s.inventoryRoutes(), s.storageRoutes(), s.computeRoutes())
	for i := range routes {
		routes[i].segments = splitPath(routes[i].pattern)
	}
	return routes
}

// Route is one method of one service of the API.
type Route struct {
	// Method is that of HTTP. Pattern is the path below the API's root with ids in braces; it is empty for the root.
	Method, Pattern string
	// Doc is the anchor in the engine's documentation, empty where the complaint about a bad body needs none.
	Doc string
}

// Routes lists what is simulated, in the order of paths.
func (s *Server) Routes() []Route {
	out := make([]Route, 0, len(s.routes))
	for _, r := range s.routes {
		out = append(out, Route{Method: r.method, Pattern: r.pattern, Doc: r.doc})
	}
	slices.SortStableFunc(out, func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Method, b.Method))
	})
	return out
}

// match finds the route of a path. The pattern is returned for the journal even when nothing is found: ids in it are
// replaced, so that equal calls look equal.
func (s *Server) match(r *request, segments []string) (route, string) {
	for _, candidate := range s.routes {
		want := candidate.segments
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
