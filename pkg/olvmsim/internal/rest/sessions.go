package rest

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// idleTimeout is UserSessionTimeOutInterval.
const idleTimeout = 30 * time.Minute

// session is a token, or a cookie's.
type session struct {
	user     engine.User
	scope    string
	lastUsed time.Time
	idle     time.Duration // after which it ends
	csrf     bool          // every request must repeat the cookie in a header
}

// sessions are those in use. They live in memory only, like the engine's.
type sessions struct {
	mu      sync.Mutex
	now     func() time.Time
	byToken map[string]*session
	// byCookie are the persistent sessions of the API.
	byCookie map[string]*session
}

func newSessions(now func() time.Time) sessions {
	return sessions{now: now, byToken: map[string]*session{}, byCookie: map[string]*session{}}
}

func secret(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(raw)
}

// open starts a session and forgets those that have ended.
func (s *sessions) open(in map[string]*session, key string, new session) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for old, session := range in {
		if now.Sub(session.lastUsed) > session.idle {
			delete(in, old)
		}
	}
	new.lastUsed, new.idle = now, cmp.Or(new.idle, idleTimeout)
	in[key] = &new
	return key
}

func (s *sessions) use(in map[string]*session, key string) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := in[key]
	now := s.now()
	if !ok || now.Sub(found.lastUsed) > found.idle {
		return session{}, false
	}
	found.lastUsed = now
	return *found, true
}

func (s *sessions) close(in map[string]*session, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(in, key)
}

// ExpireTokens forgets all sessions, as a restart of the engine does.
func (s *Server) ExpireTokens() {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	clear(s.sessions.byToken)
	clear(s.sessions.byCookie)
}

// refusal is why a caller is not let in.
type refusal struct {
	status int
	reason string
}

func (r *refusal) write(w http.ResponseWriter) {
	if r.status == http.StatusUnauthorized {
		WriteUnauthorized(w, r.reason)
		return
	}
	writeHTML(w, r.status, r.reason)
}

const cookieName = "JSESSIONID"

// authenticate lets a caller of the API in by credentials, or by the cookie of a persistent session.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request) (engine.User, *refusal) {
	wants := prefers(r)
	if cookie, err := r.Cookie(cookieName); err == nil {
		if slices.Contains(wants, "new-auth") {
			s.sessions.close(s.sessions.byCookie, cookie.Value)
		} else if found, ok := s.sessions.use(s.sessions.byCookie, cookie.Value); ok && r.Header.Get("Authorization") == "" {
			if !slices.Contains(wants, "persistent-auth") {
				s.sessions.close(s.sessions.byCookie, cookie.Value)
			}
			if found.csrf && r.Header.Get(cookieName) != cookie.Value {
				return engine.User{}, &refusal{http.StatusForbidden, "Forbidden"}
			}
			return found.user, nil
		}
	}
	user, reason := s.Authenticate(r)
	if reason != "" {
		return engine.User{}, &refusal{http.StatusUnauthorized, reason}
	}
	if slices.Contains(wants, "persistent-auth") {
		s.persist(w, r, user, slices.Contains(wants, "csrf-protection"))
	}
	return user, nil
}

// persist starts a persistent session.
func (s *Server) persist(w http.ResponseWriter, r *http.Request, user engine.User, csrf bool) {
	opened := session{user: user, csrf: csrf}
	if minutes, err := strconv.Atoi(r.Header.Get("Session-TTL")); err == nil && minutes >= 1 {
		opened.idle = time.Duration(minutes) * time.Minute
	}
	id := s.sessions.open(s.sessions.byCookie, secret(24), opened)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: apiRoot, Secure: true, HttpOnly: true}) //nolint:gosec // the engine sends no SameSite
}

// prefers lists what the caller's Prefer headers say.
func prefers(r *http.Request) []string {
	var out []string
	for _, value := range r.Header.Values("Prefer") {
		for part := range strings.SplitSeq(value, ",") {
			out = append(out, strings.ToLower(strings.TrimSpace(part)))
		}
	}
	return out
}
