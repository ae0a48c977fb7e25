package rest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
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
	// Intercept is called before a request is carried out; nil, or nil returned, means that nothing is injected.
	Intercept func(Intercepted) *Injected
	// Vendor of the engine; empty means that of oVirt.
	Vendor string
	// Now is the clock by which sessions end; nil means real time.
	Now func() time.Time
}

// Entry is what is remembered of a request.
type Entry struct {
	// Time is real, EngineTime the engine's.
	Time, EngineTime time.Time
	// Method and Path say what was called; ids in Path are replaced by their kind in braces.
	Method, Path string
	// VMID is the VM that the request was about, if any.
	VMID, CorrelationID string
	Status              int
	// User is the name of the caller, empty before one is known.
	User string
	// RealPath, Query, Header and Body are as they came. The body is there for calls of the API that change something.
	RealPath, Query string
	Header          http.Header
	Body            []byte
	// Changes are what the call changed.
	Changes []engine.Change
	// Fault names what was injected. Late says that the caller had lost the connection before the call was carried out.
	Fault string
	Late  bool
	// dropped says that the caller gets no answer.
	dropped bool
}

// Server serves one engine.
type Server struct {
	Options
	sessions   sessions
	routes     []route
	codec      *wire.Codec
	unanswered unanswered
	buffers    buffers
}

// New returns a Server.
func New(options Options) *Server {
	if options.Now == nil {
		options.Now = time.Now
	}
	s := &Server{Options: options, sessions: newSessions(options.Now), codec: wire.NewCodec(), buffers: newBuffers()}
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
	entry := Entry{
		Time: time.Now(), EngineTime: s.Engine.Now(), Method: r.Method, Path: path, RealPath: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header,
	}
	if path == apiRoot || strings.HasPrefix(path, apiRoot+"/") {
		entry = s.serveAPI(recorder, r, strings.TrimPrefix(path, apiRoot), matrix, entry)
	} else {
		s.outside(recorder, r, path, &entry, func(w http.ResponseWriter, r *http.Request) { s.servePage(w, r, path) })
	}
	entry.Status = recorder.status
	if entry.dropped {
		entry.Status = 0
	}
	if s.Record != nil {
		s.Record(entry)
	}
	if entry.dropped {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request, path string, matrix url.Values, entry Entry) Entry {
	req := &request{Request: r, query: r.URL.Query(), codec: s.codec}
	for key, values := range matrix {
		req.query[key] = append(req.query[key], values...)
	}
	if r.Method == http.MethodHead { // answered like GET; what is written is dropped by the HTTP server
		req.Request = r.Clone(r.Context())
		req.Method = http.MethodGet
	}
	req.correlationID = s.correlationID(cmp.Or(r.Header.Get("Correlation-Id"), req.query.Get("correlation_id")))
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
	req.keepBody()
	entry.Body = req.body
	answer, done := s.carryOut(w, req, found, segments, &entry)
	if !done {
		s.write(w, req, answer, segments)
	}
	return entry
}

func (s *Server) answer(r *request, found route, segments []string) (reply, error) {
	if err := s.checkLevel(r, found); err != nil {
		return reply{}, err
	}
	if found.handle == nil {
		return s.notSimulated(r, segments)
	}
	answer, err := found.handle(r)
	if err != nil {
		return reply{}, err
	}
	return s.complete(r, answer)
}

// checkCall refuses what the engine refuses before it looks at the path: callers it does not know, versions and
// formats it does not speak.
func (s *Server) checkCall(w http.ResponseWriter, r *request) bool {
	user, refused := s.authenticate(w, r.Request)
	if refused != nil {
		refused.write(w)
		return false
	}
	r.user = user
	if v := r.Header.Get("Version"); v != "" && v != "4" {
		writeHTML(w, http.StatusBadRequest, "Bad Request")
		return false
	}
	var ok bool
	if r.format, ok = accepted(cmp.Or(r.query.Get("accept"), strings.Join(r.Header.Values(headerAccept), ","))); !ok {
		w.WriteHeader(http.StatusNotAcceptable)
		return false
	}
	if r.bodyFormat, ok = bodyFormat(r.Header.Get(headerType)); !ok {
		if r.ContentLength > 0 && r.Method != http.MethodGet && r.Method != http.MethodDelete {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return false
		}
		r.noBody = true
	}
	return true
}

// request is a call of the API.
type request struct {
	*http.Request
	codec         *wire.Codec
	query         url.Values
	ids           map[string]string // by the name in the route's pattern
	correlationID string
	vmID          string
	doc           string
	user          engine.User
	// format is that of the reply, bodyFormat that of the body; noBody says that it is of neither.
	format, bodyFormat wire.Format
	noBody             bool
	// visible is what the user sees; nil when the answers are not filtered.
	visible engine.Visible
	// body is that of a call that changes something, feed what it changes, and omit hides objects from lists.
	body []byte
	feed *engine.Feed
	omit func(id string) bool
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

func joinPath(segments []string) string { return strings.Join(segments, "/") }

func splitPath(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// correlationID is what the engine makes of a caller's id.
func (s *Server) correlationID(given string) string {
	allowed := func(c rune) bool {
		return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
	}
	if given == "" || strings.ContainsFunc(given, func(c rune) bool { return !allowed(c) }) {
		return s.Engine.NewCallID()
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
