package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// Intercepted is what a hook sees of a call before it is carried out. Calls of the API come with their caller, who is known;
// of others the method and the path are known only.
type Intercepted struct {
	Method string
	// Pattern is the path below the API's root with ids replaced by their kind, Path the same as it came. Both are the whole
	// path outside of the API.
	Pattern, Path             string
	User, VMID, CorrelationID string
	Body                      []byte
}

// Injected is what is done to a call. The first field that is set, in the order here, counts; Latency comes on top.
type Injected struct {
	// Name is what the journal says of it.
	Name string
	// Latency is real time that passes before anything else.
	Latency time.Duration
	// Reason makes it a 401 with this reason.
	Reason string
	// Status makes it a page of the web server in front of the engine.
	Status int
	// Err refuses it in the engine's manner.
	Err error
	// Drop closes the connection instead of an answer: after the call was carried out if Commit is set, before it is carried
	// out, by that much engine time, if CommitAfter is.
	Drop, Commit bool
	CommitAfter  time.Duration
	// Stale answers with what this engine holds.
	Stale *engine.Engine
	// Omit leaves objects out of lists.
	Omit func(id string) bool
}

// keepBody reads the body of a call that may have one, so that it can be looked at and still be decoded.
func (r *request) keepBody() {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Body == nil {
		return
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	r.body = raw
	rest := io.Reader(bytes.NewReader(raw))
	if err != nil {
		rest = io.MultiReader(rest, failingReader{err})
	}
	r.Body = io.NopCloser(rest)
}

// named lists the ids that a call names: in its path, and that of the object that it wants to make.
func (r *request) named() (ids []string) {
	for _, id := range r.ids {
		ids = append(ids, strings.ToLower(id))
	}
	slices.Sort(ids) // as stable as the calls are
	var object struct {
		ID string `json:"id" xml:"id,attr"`
	}
	if json.Unmarshal(r.body, &object) != nil {
		_ = xml.Unmarshal(r.body, &object) // what cannot be read names nothing
	}
	if object.ID != "" {
		ids = append(ids, strings.ToLower(object.ID))
	}
	return ids
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// intercept asks the hook, and lets the latency pass.
func (s *Server) intercept(ctx context.Context, call Intercepted, entry *Entry) *Injected {
	if s.Intercept == nil {
		return nil
	}
	injected := s.Intercept(call)
	if injected == nil {
		return nil
	}
	entry.Fault = injected.Name
	if injected.Latency > 0 {
		timer := time.NewTimer(injected.Latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done(): // a caller that gives up does not keep the engine from carrying the call out
		}
	}
	return injected
}

// carryOut does what the call asks for, or what was injected. done says that there is nothing left to write.
func (s *Server) carryOut(w http.ResponseWriter, r *request, found route, segments []string, entry *Entry) (answer reply, done bool) {
	injected := s.intercept(r.Context(), Intercepted{
		Method: r.Method, Pattern: entry.Path, Path: joinPath(segments), User: r.user.Name, VMID: r.vmID, CorrelationID: r.correlationID, Body: r.body,
	}, entry)
	switch {
	case injected == nil:
	case injected.preempts():
		return injected.answer(w, found.action, entry)
	case injected.Drop && injected.CommitAfter > 0:
		s.carryOutLater(r, found, segments, *entry, injected.CommitAfter)
		entry.dropped = true
		return reply{}, true
	case injected.Drop:
		s.execute(r, found, segments, entry)
		entry.dropped = true
		return reply{}, true
	case injected.Stale != nil:
		stale := New(Options{Engine: injected.Stale, Passwords: s.Passwords, CA: s.CA})
		found, _ = stale.match(r, segments)
		return stale.execute(r, found, segments, entry), false
	default:
		r.omit = injected.Omit
	}
	return s.execute(r, found, segments, entry), false
}

// preempts says whether the call is not carried out at all.
func (i *Injected) preempts() bool {
	return i.Reason != "" || i.Status != 0 || i.Err != nil || i.Drop && !i.Commit && i.CommitAfter == 0
}

// answer is that of a call that is not carried out.
func (i *Injected) answer(w http.ResponseWriter, action bool, entry *Entry) (answer reply, done bool) {
	switch {
	case i.Reason != "":
		WriteUnauthorized(w, i.Reason)
	case i.Status != 0:
		writeHTML(w, i.Status, http.StatusText(i.Status))
	case i.Err != nil:
		return faultReply(i.Err, action), false
	default:
		entry.dropped = true
	}
	return reply{}, true
}

// execute carries the call out and notes what it changed.
func (s *Server) execute(r *request, found route, segments []string, entry *Entry) reply {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		r.feed = s.Engine.NewFeed(r.named()...)
	}
	answer, err := s.answer(r, found, segments)
	entry.VMID = r.vmID
	entry.Changes = s.Engine.Changes(r.feed)
	if err != nil {
		return faultReply(err, found.action)
	}
	return answer
}

// carryOutLater commits a call whose caller has lost the connection.
func (s *Server) carryOutLater(r *request, found route, segments []string, entry Entry, d time.Duration) {
	later := *r
	later.Request = r.Clone(context.WithoutCancel(r.Context()))
	later.Body = io.NopCloser(bytes.NewReader(r.body))
	later.Header.Del("Expect") // nobody waits for the end
	later.Header.Del("X-Ovirt-Expect")
	s.Engine.Schedule(d, func() {
		entry.Time, entry.EngineTime, entry.Late = time.Now(), s.Engine.Now(), true
		entry.Status = s.execute(&later, found, segments, &entry).status
		if s.Record != nil {
			s.Record(entry)
		}
	})
}

// outside serves a path that is not the API's.
func (s *Server) outside(w http.ResponseWriter, r *http.Request, path string, entry *Entry, serve http.HandlerFunc) {
	injected := s.intercept(r.Context(), Intercepted{Method: r.Method, Pattern: path, Path: path}, entry)
	switch {
	case injected == nil || !injected.preempts() && !injected.Drop:
		serve(w, r)
	case injected.preempts():
		var refusal *engine.Fault
		if errors.As(injected.Err, &refusal) {
			writeHTML(w, refusal.Status, http.StatusText(refusal.Status))
			return
		}
		injected.answer(w, false, entry)
	default:
		serve(nothing{header: http.Header{}}, r)
		entry.dropped = true
	}
}

// nothing is where the answer of a dropped call goes.
type nothing struct{ header http.Header }

func (n nothing) Header() http.Header       { return n.header }
func (nothing) Write(b []byte) (int, error) { return len(b), nil }
func (nothing) WriteHeader(int)             {}

// seen leaves out what an injected fault hides.
func (r *request) seen(items []item) []item {
	if r.omit == nil {
		return items
	}
	kept := make([]item, 0, len(items))
	for _, i := range items {
		if !r.omit(i.id) {
			kept = append(kept, i)
		}
	}
	return kept
}
