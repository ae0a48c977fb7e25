package rest

import (
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// msgQueryRefused is the detail of a refused query, without the brackets of a refused command. The status that the engine
// sends with it is not documented; 403 is what its kind of error stands for.
const msgQueryRefused = "query execution failed due to insufficient permissions."

// pathType is the type of the objects that an id in the routes' patterns stands for, empty where nobody needs a
// permission on them.
func pathType(name string) string {
	switch name {
	case "datacenter":
		return engine.TypeDataCenter
	case "vnicprofile":
		return engine.TypeVNICProfile
	case "storagedomain":
		return engine.TypeStorageDomain
	case engine.TypeCluster, engine.TypeHost, engine.TypeNetwork, engine.TypeTemplate, engine.TypeVM:
		return name
	}
	return ""
}

// checkLevel follows the engine's rule for queries: asked plainly, they are for administrators; with the filter on,
// everybody may ask and gets what they may see, except for queries that are for administrators only, which nobody may ask
// like that. Adding and updating start with a query too. Other commands are judged by permits alone.
func (s *Server) checkLevel(r *request, found route) error {
	filtered := r.filtered()
	if filtered {
		r.visible = s.Engine.Visible(r.user.ID)
	}
	query := r.Method == http.MethodGet || r.Method == http.MethodPut || r.Method == http.MethodPost && !found.action
	switch {
	case !query:
		return nil
	case !filtered && !r.user.Admin, filtered && found.adminOnly:
		return &engine.Fault{Status: http.StatusForbidden, Reason: reasonFailed, Detail: msgQueryRefused}
	case filtered && r.Method == http.MethodGet:
		for name, id := range r.ids {
			if kind := pathType(name); kind != "" && isUUID(id) && !r.sees(kind, strings.ToLower(id)) {
				return &engine.Fault{Status: http.StatusNotFound}
			}
		}
	}
	return nil
}

// filtered says whether the caller wants answers for a plain user: a header or a parameter.
func (r *request) filtered() bool {
	if values := r.Header.Values("Filter"); len(values) > 0 {
		return parseFlag(values[0], false)
	}
	return r.flag("filter", false)
}

// sees says whether the answer may show the object.
func (r *request) sees(kind, id string) bool {
	return r.visible == nil || r.visible[engine.Object{Type: kind, ID: id}]
}

// call says on whose behalf the engine's command runs.
func (r *request) call() engine.Call {
	return engine.Call{User: r.user, Filtered: r.visible != nil, CorrelationID: r.correlationID, Feed: r.feed}
}
