package crash

import (
	"net/http"
	"regexp"
	"strings"
)

var (
	engineID    = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	addressName = regexp.MustCompile(`^ipaddresses/[^/]+`)
)

// engineCall names a request to the engine, such as "POST vms/ID/nics". Every request counts, reads included.
func engineCall(r *http.Request) string {
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/ovirt-engine/"), "api")
	path = strings.Trim(engineID.ReplaceAllString(path, "ID"), "/")
	if path == "" {
		path = "api"
	}
	return r.Method + " " + path
}

// apiWrite names a write to the API server, such as "PATCH olvmmachines/NAME/status"; reads do not count.
func apiWrite(namespace string) func(*http.Request) string {
	return func(r *http.Request) string {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return ""
		}
		_, path, ok := strings.Cut(r.URL.Path, "/namespaces/"+namespace+"/")
		if !ok || path == "events" || strings.HasPrefix(path, "events/") {
			return "" // what is asked of the API server itself, such as an access review; events may get lost
		}
		path = addressName.ReplaceAllString(path, "ipaddresses/ADDRESS")
		return r.Method + " " + strings.ReplaceAll(path, namespace, "NAME")
	}
}
