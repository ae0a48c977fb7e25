package olvmsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

const apiRoot = "/ovirt-engine/api"

// apiPath is a path below the API's root, or the whole path outside of the API, as a Match has it.
func apiPath(path string) string {
	collapsed := "/" + strings.Join(strings.FieldsFunc(path, func(c rune) bool { return c == '/' }), "/")
	below, ok := strings.CutPrefix(collapsed, apiRoot)
	if !ok || below != "" && below[0] != '/' {
		return collapsed
	}
	below = strings.TrimPrefix(below, "/")
	return strings.TrimPrefix(strings.TrimPrefix(below, "v4"), "/")
}

// Difference is where a replay went another way than its journal.
type Difference struct {
	// Index is the entry's, from 0.
	Index int    `json:"index"`
	Entry string `json:"entry"`
	// Want is what the journal says, Got what happened.
	Want string `json:"want"`
	Got  string `json:"got"`
}

// String is the difference in one line.
func (d Difference) String() string {
	return fmt.Sprintf("entry %d, %s: %s, was %s", d.Index, d.Entry, d.Got, d.Want)
}

// ReadJournal reads a journal of JSON lines.
func ReadJournal(r io.Reader) ([]Request, error) {
	var out []Request
	decoder := json.NewDecoder(r)
	for {
		var entry Request
		err := decoder.Decode(&entry)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read journal: line %d: %w", len(out)+1, err)
		}
		out = append(out, entry)
	}
}

// WriteJournal writes entries as JSON lines.
func WriteJournal(w io.Writer, entries []Request) error {
	encoder := json.NewEncoder(w)
	for _, r := range entries {
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
	}
	return nil
}

// Replay makes the calls of a journal that changed something again, each at its time, and lists where statuses or changes
// differ. The simulator must be fresh, with a stepped clock and with the seed and inventory of the journal's. Secrets are not
// in a journal: their checksums stand in for them. Faults are not injected again: what they did to the installation is
// repeated, and calls that they kept from being carried out are left out.
func (s *Simulator) Replay(ctx context.Context, entries []Request) ([]Difference, error) {
	var out []Difference
	for i, entry := range entries {
		if err := ctx.Err(); err != nil {
			return out, fmt.Errorf("replay: %w", err)
		}
		if wait := entry.EngineTime.Sub(s.Now()); wait > 0 {
			if err := s.Advance(wait); err != nil {
				return out, fmt.Errorf("replay: %w", err)
			}
		}
		got, ok := s.repeat(ctx, entry)
		if !ok {
			continue
		}
		name := entry.Method + " " + entry.Path
		if got.Status != entry.Status && entry.Status != 0 {
			out = append(out, Difference{i, name, fmt.Sprint("status ", entry.Status), fmt.Sprint("status ", got.Status)})
		}
		if !slices.Equal(got.Changes, entry.Changes) {
			out = append(out, Difference{i, name, fmt.Sprint("changes ", entry.Changes), fmt.Sprint("changes ", got.Changes)})
		}
	}
	return out, nil
}

// repeat makes one call again, unless it changed nothing.
func (s *Simulator) repeat(ctx context.Context, entry Request) (got Request, ok bool) {
	switch {
	case entry.Method == methodDisturb:
		var effect Effect
		got := entry
		if err := json.Unmarshal([]byte(entry.Body), &effect); err != nil {
			got.Status = http.StatusBadRequest
		} else if _, err := s.disturb(effect); err != nil {
			got.Status = http.StatusNotFound
		}
		return got, true
	case strings.HasPrefix(entry.Path, controlPrefix):
		got := entry
		if s.change(entry.RealPath, []byte(entry.Body)) != nil {
			got.Status = http.StatusBadRequest
		}
		return got, true
	case entry.Method == http.MethodGet || entry.Method == http.MethodHead || entry.User == "":
		return Request{}, false
	case entry.Fault != "" && !entry.Late && len(entry.Changes) == 0:
		return Request{}, false
	}
	return s.call(ctx, entry), true
}

// call makes a call of the API again, without a connection.
func (s *Simulator) call(ctx context.Context, entry Request) Request {
	target := entry.RealPath
	if entry.Query != "" {
		target += "?" + entry.Query
	}
	r, err := http.NewRequestWithContext(ctx, entry.Method, s.url+strings.TrimPrefix(target, "/ovirt-engine"), strings.NewReader(entry.Body))
	if err != nil {
		return Request{Status: http.StatusBadRequest}
	}
	for name, value := range entry.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Del("Expect") // time stands still meanwhile: nobody waits for the end
	r.Header.Del("X-Ovirt-Expect")
	r.Header.Set("Correlation-Id", entry.CorrelationID)
	r.SetBasicAuth(entry.User, s.passwords[entry.User])
	s.rest.ServeHTTP(unread{}, r)
	return s.journal.last()
}

// unread is a reply that nobody reads: the journal says what is in it.
type unread http.Header

func (u unread) Header() http.Header       { return http.Header(u) }
func (unread) Write(b []byte) (int, error) { return len(b), nil }
func (unread) WriteHeader(int)             {}

// Reproducible is the journal without what differs between runs with one seed: real times.
func Reproducible(entries []Request) []Request {
	out := slices.Clone(entries)
	for i := range out {
		out[i].Time = time.Time{}
	}
	return out
}
