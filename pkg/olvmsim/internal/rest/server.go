package rest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

const (
	apiRoot      = "/ovirt-engine/api"
	contentJSON  = "application/json"
	contentText  = "text/plain; charset=UTF-8"
	contentHTML  = "text/html;charset=UTF-8"
	headerAccept = "Accept"
	headerType   = "Content-Type"
	// maxBody bounds a request: a boot document is the largest thing that anybody sends.
	maxBody = 8 << 20
)

// Options configure a Server.
type Options struct {
	Engine *engine.Engine
	// Passwords are those of the engine's users, by their names.
	Passwords map[string]string
	// CA is the PEM of the certificate authority that clients may download.
	CA []byte
	// Record is called after every request.
	Record func(Entry)
}

// Entry is what is remembered of a request; bodies never are.
type Entry struct {
	Time time.Time
	// Method and Path say what was called; ids in Path are replaced by their kind in braces.
	Method, Path string
	// VMID is the VM that the request was about, if any.
	VMID, CorrelationID string
	Status              int
	// User is the name of the caller, empty before one is known.
	User string
}

// Server serves one engine.
type Server struct {
	Options
	sessions sessions
	routes   []route
}

// New returns a Server.
func New(options Options) *Server {
	s := &Server{Options: options, sessions: newSessions()}
	s.routes = s.routeTable()
	return s
}

// ServeHTTP implements http.Handler. It must not sit behind http.ServeMux, which redirects paths with double slashes:
// clients of the engine send those and do not follow redirects.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.ContentLength != 0 {
		// libgovirt announces a body with a GET and sometimes does not send it: waiting for it would hang.
		w.Header().Set("Connection", "close")
	}
	path, matrix := cleanPath(r.URL.Path)
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	entry := Entry{Time: time.Now(), Method: r.Method, Path: path}
	switch {
	case path == "/ovirt-engine/sso/oauth/token":
		s.serveToken(recorder, r)
	case path == "/ovirt-engine/sso/oauth/revoke", path == "/ovirt-engine/services/sso-logout":
		s.serveRevoke(recorder, r)
	case path == "/ovirt-engine/services/pki-resource":
		s.servePKI(recorder, r)
	case path == apiRoot || strings.HasPrefix(path, apiRoot+"/"):
		entry = s.serveAPI(recorder, r, strings.TrimPrefix(path, apiRoot), matrix, entry)
	default:
		http.Error(recorder, "Not Found", http.StatusNotFound)
	}
	entry.Status = recorder.status
	if s.Record != nil {
		s.Record(entry)
	}
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, path string, matrix url.Values, entry Entry) Entry {
	req := &request{Request: r, query: r.URL.Query()}
	for key, values := range matrix {
		req.query[key] = append(req.query[key], values...)
	}
	req.correlationID = correlationID(cmp.Or(r.Header.Get("Correlation-Id"), req.query.Get("correlation_id")))
	w.Header().Set("Correlation-Id", req.correlationID)
	entry.CorrelationID = req.correlationID

	segments := splitPath(path)
	if len(segments) > 0 && segments[0] == "v4" {
		segments = segments[1:]
	}
	found, pattern := s.match(req, segments)
	entry.Path = pattern
	ok := s.checkCall(w, req)
	entry.User = req.user.Name
	if !ok {
		return entry
	}
	answer, err := s.answer(req, found, segments)
	entry.VMID = req.vmID
	if err != nil {
		answer = faultReply(err, found.action)
	}
	answer.write(w)
	return entry
}

func (s *Server) answer(r *request, found route, segments []string) (reply, error) {
	if err := s.checkLevel(r, found); err != nil {
		return reply{}, err
	}
	if found.handle == nil {
		return s.notSimulated(r, segments)
	}
	return found.handle(r)
}

// checkCall refuses what the engine refuses before it looks at the path: callers it does not know, versions and
// formats it does not speak.
func (s *Server) checkCall(w http.ResponseWriter, r *request) bool {
	user, reason := s.Authenticate(r.Request)
	if reason != "" {
		WriteUnauthorized(w, reason)
		return false
	}
	r.user = user
	if v := r.Header.Get("Version"); v != "" && v != "4" {
		writeHTML(w, http.StatusBadRequest, "Bad Request")
		return false
	}
	if !acceptsJSON(r) {
		writeText(w, http.StatusNotAcceptable, "This simulator speaks JSON only for now: send Accept: application/json.")
		return false
	}
	if strings.Contains(r.Header.Get(headerType), "xml") && r.Method != http.MethodGet {
		writeText(w, http.StatusUnsupportedMediaType, "This simulator speaks JSON only for now: send Content-Type: application/json.")
		return false
	}
	return true
}

// acceptsJSON says whether the caller takes JSON. A real engine answers a caller that takes anything in XML.
func acceptsJSON(r *request) bool {
	accept := cmp.Or(r.query.Get("accept"), r.Header.Get(headerAccept))
	return accept == "" || strings.Contains(accept, contentJSON) || strings.Contains(accept, "*/*")
}

// request is a call of the API.
type request struct {
	*http.Request
	query         url.Values
	ids           map[string]string // by the name in the route's pattern
	correlationID string
	vmID          string
	doc           string
	user          engine.User
	// visible is what the user sees; nil when the answers are not filtered.
	visible engine.Visible
}

// flag reads a boolean parameter: present but empty means true, and what is not a boolean is ignored.
func (r *request) flag(name string, otherwise bool) bool {
	values, ok := r.query[name]
	if !ok || len(values) == 0 {
		return otherwise
	}
	return parseFlag(values[0], otherwise)
}

func parseFlag(text string, otherwise bool) bool {
	switch strings.ToLower(text) {
	case "", "true", "t", "yes", "y", "1":
		return true
	case "false", "f", "no", "n", "0":
		return false
	}
	return otherwise
}

// cleanPath collapses slashes and takes matrix parameters (;a=b) out of the path.
func cleanPath(path string) (string, url.Values) {
	matrix := url.Values{}
	segments := splitPath(path)
	for i, segment := range segments {
		parts := strings.Split(segment, ";")
		segments[i] = parts[0]
		for _, p := range parts[1:] {
			key, value, _ := strings.Cut(p, "=")
			matrix.Add(key, value)
		}
	}
	return "/" + strings.Join(segments, "/"), matrix
}

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// correlationID is what the engine makes of a caller's id.
func correlationID(given string) string {
	if !regexp.MustCompile(`^[0-9A-Za-z_-]+$`).MatchString(given) {
		return uuid.NewString()
	}
	return given[:min(len(given), 36)]
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func writeHTML(w http.ResponseWriter, status int, text string) {
	w.Header().Set(headerType, contentHTML)
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><head><title>Error</title></head><body>%s</body></html>", text)
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set(headerType, contentText)
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

// reasonFailed is the reason of every refusal by a command, as opposed to complaints about the request itself.
const reasonFailed = "Operation Failed"

// faultReply is a refusal: empty where the addressed entity does not exist, inside the action's representation where an
// action's command refused, and bare everywhere else.
func faultReply(err error, action bool) reply {
	var refusal *engine.Fault
	if !errors.As(err, &refusal) {
		refusal = &engine.Fault{Status: http.StatusInternalServerError, Reason: reasonFailed, Detail: "[Internal Engine Error]"}
	}
	if refusal.Reason == "" {
		return reply{status: refusal.Status}
	}
	fault := &Fault{Detail: refusal.Detail, Reason: refusal.Reason}
	if action && refusal.Reason == reasonFailed {
		return reply{refusal.Status, Action{Fault: fault, Status: "failed"}}
	}
	return reply{refusal.Status, fault}
}
