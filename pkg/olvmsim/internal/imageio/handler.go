package imageio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Texts of ovirt-imageio, from its source, unless the line says "own words".
const (
	msgForbidden     = "You are not allowed to access this resource: %s"
	msgOutOfRange    = "Requested range out of allowed range"
	msgContentRange  = "Invalid Content-Range %s"
	msgLength        = "Content-Length header is required"        // own words
	msgRange         = "Invalid Range %s"                         // own words
	msgRequired      = "Missing required value for %s"            //
	msgInvalidValue  = "Invalid value for %s: %s"                 // own words
	msgDirty         = "Ticket does not support dirty extents"    // own words
	msgMethod        = "Method %s is not allowed"                 // own words
	msgNotFound      = "No handler for %s"                        // own words
	msgPrematureEnd  = "The body ended before its announced size" // own words
	maxPatchBody     = 1 << 16
	contentText      = "text/plain; charset=UTF-8"
	contentJSON      = "application/json"
	serverName       = "imageio/2.5.0"
	allowAll         = "OPTIONS,GET,PUT,PATCH"
	allowRead        = "OPTIONS,GET"
	maxParallel      = 8
	headerType       = "Content-Type"
	headerRange      = "Content-Range"
	corsHeaders      = "authorization,cache-control,content-range,content-type,pragma,range"
	checksumBlock    = 4 << 20
	maxChecksumBlock = 16 << 20
)

// refusal is an answer other than success.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// quote writes a value as Python prints it.
func quote(s string) string { return "'" + s + "'" }

func (s *Server) handler(proxy bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		header := w.Header()
		header.Set("Server", serverName)
		header.Set("Access-Control-Allow-Origin", "*")
		if err := s.serve(recorder, r); err != nil {
			s.writeRefusal(recorder, err)
		}
		if s.options.Record != nil {
			s.options.Record(Entry{Method: r.Method, Path: r.URL.Path, Proxy: proxy, Status: recorder.status})
		}
	})
}

// serve finds the ticket and the operation. An error after the reply has begun ends the connection.
func (s *Server) serve(w *statusRecorder, r *http.Request) error {
	id, part, ok := resource(r.URL.Path)
	switch {
	case r.Method == http.MethodOptions && (r.RequestURI == "*" || ok && id == "*"):
		s.writeOptions(w, nil)
		return nil
	case !ok:
		return refuse(http.StatusNotFound, msgNotFound, quote(r.URL.Path))
	}
	operate, write := s.operation(r.Method, part)
	if operate == nil {
		w.Header().Set("Allow", allowAll)
		return refuse(http.StatusMethodNotAllowed, msgMethod, quote(r.Method))
	}
	t, err := s.find(id, write)
	if err != nil {
		return refuse(http.StatusForbidden, msgForbidden, err)
	}
	t.begin(s.options.Now())
	defer func() { t.end(s.options.Now()) }()
	return operate(w, r, t)
}

type operation func(w *statusRecorder, r *http.Request, t *ticket) error

func (s *Server) operation(method, part string) (operate operation, write bool) {
	switch {
	case method == http.MethodOptions && part == "":
		return func(w *statusRecorder, _ *http.Request, t *ticket) error { s.writeOptions(w, t); return nil }, false
	case method == http.MethodGet && part == "":
		return s.get, false
	case method == http.MethodGet && part == "extents":
		return s.extents, false
	case method == http.MethodGet && part == "checksum":
		return s.checksum, false
	case method == http.MethodPut && part == "":
		return s.put, true
	case method == http.MethodPatch && part == "":
		return s.patch, true
	}
	return nil, false
}

// resource splits /images/<ticket>[/<part>].
func resource(path string) (id, part string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/images/")
	if !ok || rest == "" {
		return "", "", false
	}
	id, part, _ = strings.Cut(rest, "/")
	return id, part, part == "" || part == "extents" || part == "checksum"
}

// writeOptions says what can be done with the ticket, or in general without one.
func (s *Server) writeOptions(w *statusRecorder, t *ticket) {
	writers, features, allow := maxParallel, []string{"checksum", "extents"}, allowRead
	if t == nil || t.Write {
		features, allow = append(features, "flush", "zero"), allowAll
	}
	if t != nil && t.Format == formatCOW {
		writers = max(1, s.options.FileWriters)
	}
	w.Header().Set("Allow", allow)
	w.Header().Set("Access-Control-Allow-Methods", allow)
	w.Header().Set("Access-Control-Allow-Headers", corsHeaders)
	writeJSON(w, struct {
		Features   []string `json:"features"`
		MaxReaders int      `json:"max_readers"`
		MaxWriters int      `json:"max_writers"`
	}{features, maxParallel, writers})
}

func (s *Server) put(w *statusRecorder, r *http.Request, t *ticket) error {
	if r.ContentLength < 0 || r.Header.Get("Content-Length") == "" && r.ContentLength == 0 {
		return refuse(http.StatusBadRequest, msgLength)
	}
	if err := checkFlags(r, "flush", "close"); err != nil {
		return err
	}
	offset, err := contentStart(r.Header.Get(headerRange))
	if err != nil {
		return err
	}
	if err := checkRange(w, offset, r.ContentLength, limitOf(t)); err != nil {
		return err
	}
	if _, err := t.content(true); err != nil {
		return err
	}
	buffer := s.buffers.Get().(*[copySize]byte)
	defer s.buffers.Put(buffer)
	if err := t.receive(r.Body, offset, r.ContentLength, buffer[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return refuse(http.StatusBadRequest, msgPrematureEnd)
		}
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// limitOf is what a writer may address.
func limitOf(t *ticket) int64 {
	if t.Format == formatCOW {
		return t.Limit
	}
	return t.VirtualSize
}

func (s *Server) patch(w *statusRecorder, r *http.Request, t *ticket) error {
	var body struct {
		Op     *string `json:"op"`
		Offset int64   `json:"offset"`
		Size   *int64  `json:"size"`
		Flush  bool    `json:"flush"`
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPatchBody))
	if err == nil {
		err = json.Unmarshal(raw, &body)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "Invalid patch: %s", err) // own words
	}
	if body.Op == nil {
		return refuse(http.StatusBadRequest, msgRequired, quote("op"))
	}
	switch *body.Op {
	case "flush": // what the simulated host holds outlives every loss of power
	case "zero":
		if body.Size == nil {
			return refuse(http.StatusBadRequest, msgRequired, quote("size"))
		}
		if *body.Size < 0 || body.Offset < 0 {
			return refuse(http.StatusBadRequest, msgInvalidValue, quote("size"), strconv.FormatInt(*body.Size, 10))
		}
		if err := checkRange(w, body.Offset, *body.Size, limitOf(t)); err != nil {
			return err
		}
		if _, err := t.content(true); err != nil {
			return err
		}
		if err := t.zero(body.Offset, *body.Size); err != nil {
			return err
		}
	default:
		return refuse(http.StatusBadRequest, msgInvalidValue, quote("op"), quote(*body.Op))
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// checkRange refuses what is not inside the ticket, with its size.
func checkRange(w http.ResponseWriter, offset, length, size int64) error {
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		w.Header().Set(headerRange, fmt.Sprintf("bytes */%d", size))
		return refuse(http.StatusRequestedRangeNotSatisfiable, msgOutOfRange)
	}
	return nil
}

// checkFlags refuses parameters that are neither y nor n.
func checkFlags(r *http.Request, names ...string) error {
	for _, name := range names {
		if v := r.URL.Query().Get(name); v != "" && v != "y" && v != "n" {
			return refuse(http.StatusBadRequest, msgInvalidValue, quote(name), quote(v))
		}
	}
	return nil
}

func (s *Server) writeRefusal(w *statusRecorder, err error) {
	if w.written {
		panic(http.ErrAbortHandler) // the announced size cannot be kept: the client must see the connection end
	}
	var r *refusal
	switch {
	case errors.As(err, &r):
	case errors.Is(err, errRevoked):
		r = &refusal{http.StatusForbidden, fmt.Sprintf(msgForbidden, err)}
	default:
		s.options.Log.Error("imageio request failed", "error", err)
		r = &refusal{http.StatusInternalServerError, err.Error()}
	}
	w.Header().Set(headerType, contentText)
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Length", strconv.Itoa(len(r.text)+1))
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.text+"\n")
}

func writeJSON(w http.ResponseWriter, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // of our own types
	}
	w.Header().Set(headerType, contentJSON)
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(raw)
}

type statusRecorder struct {
	http.ResponseWriter
	status  int
	written bool
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status, r.written = status, true
	r.ResponseWriter.WriteHeader(status)
}
