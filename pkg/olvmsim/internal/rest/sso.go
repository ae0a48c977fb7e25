package rest

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

const (
	scopeAPI = "ovirt-app-api"
	// idleTimeout is UserSessionTimeOutInterval. It counts real time even when the engine's clock runs faster, or every
	// client would be logged out between two calls.
	idleTimeout = 30 * time.Minute
	// noExpiry is what the internal directory says: the largest Java long, in milliseconds, as a string.
	noExpiry = "9223372036854775807"

	msgBadCredentials = "Unable to log in. Verify your login information or contact the system administrator."
	msgNoUser         = "No user name found in credentials."
	msgNoProfile      = "No valid profile found in credentials."
	msgTokenUnknown   = "invalid_grant: The provided authorization grant for the auth code has expired."
	msgScopeMissing   = "The required scope ovirt-app-api is not granted."
	msgUnauthorized   = "Unauthorized"
)

type session struct {
	user     engine.User
	scope    string
	lastUsed time.Time
}

// sessions are the tokens in use. They live in memory only, like the engine's.
type sessions struct {
	mu      sync.Mutex
	byToken map[string]*session
}

func newSessions() sessions { return sessions{byToken: map[string]*session{}} }

func (s *sessions) open(user engine.User, scope string) string {
	raw := make([]byte, 64)
	_, _ = rand.Read(raw) // never fails, by its documentation
	token := base64.RawURLEncoding.EncodeToString(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, session := range s.byToken {
		if time.Since(session.lastUsed) > idleTimeout {
			delete(s.byToken, old)
		}
	}
	s.byToken[token] = &session{user: user, scope: scope, lastUsed: time.Now()}
	return token
}

func (s *sessions) use(token string) (user engine.User, scope string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.byToken[token]
	if !ok || time.Since(session.lastUsed) > idleTimeout {
		return engine.User{}, "", false
	}
	session.lastUsed = time.Now()
	return session.user, session.scope, true
}

func (s *sessions) close(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byToken, token)
}

// ExpireTokens forgets all tokens, as a restart of the engine does.
func (s *Server) ExpireTokens() {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	clear(s.sessions.byToken)
}

// serveToken is the password grant.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	scope := r.FormValue("scope")
	refuse := func(code, message string) { writeSSOError(w, scope, code, message) }
	if r.Header.Get(headerAccept) != contentJSON {
		refuse("invalid_request", "Missing parameter: 'Accept Header'")
		return
	}
	switch r.FormValue("grant_type") {
	case "":
		refuse("invalid_request", "Missing parameter: 'grant_type'")
		return
	case "password":
	default:
		refuse("unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
		return
	}
	user, problem := s.checkPassword(r.FormValue("username"), r.FormValue("password"))
	if problem != "" {
		refuse("access_denied", problem)
		return
	}
	writeSSO(w, http.StatusOK, map[string]string{
		"access_token": s.sessions.open(user, scope), "scope": scope, "exp": noExpiry, "token_type": "bearer",
	})
}

// checkPassword returns the user, or the engine's words for a refusal.
func (s *Server) checkPassword(username, password string) (account engine.User, problem string) {
	user, profile, message := username, "N/A", msgBadCredentials
	// The profile stands behind the last @: Keycloak users have another one in their name.
	if at := strings.LastIndex(username, "@"); at >= 0 {
		user, profile = username[:at], username[at+1:]
	}
	switch {
	case username == "":
		user, message = "N/A", msgNoUser
	case profile == "N/A" || profile == "":
		profile, message = "N/A", msgNoProfile
	default:
		for _, account := range s.Engine.Users() {
			if account.Name == username && subtle.ConstantTimeCompare([]byte(password), []byte(s.Passwords[username])) == 1 {
				return account, ""
			}
		}
	}
	return engine.User{}, fmt.Sprintf("Cannot authenticate user '%s@%s': %s.", user, profile, message)
}

// serveRevoke ends a session. Clients send an empty token (the Go SDK's bug) and expect success all the same.
func (s *Server) serveRevoke(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.sessions.close(r.FormValue("token"))
	writeSSO(w, http.StatusOK, map[string]string{})
}

// writeSSOError has two shapes: the API's own scope alone gets error_code and error, everything else the OAuth names.
func writeSSOError(w http.ResponseWriter, scope, code, message string) {
	if scope == scopeAPI {
		writeSSO(w, http.StatusBadRequest, map[string]string{"error_code": code, "error": message})
		return
	}
	writeSSO(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": message})
}

func writeSSO(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set(headerType, contentJSON)
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
}

// Authenticate returns the request's caller, or why they are not let in, in the engine's words.
func (s *Server) Authenticate(r *http.Request) (user engine.User, reason string) {
	header := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok {
		user, scope, known := s.sessions.use(token)
		switch {
		case !known:
			return engine.User{}, msgTokenUnknown
		case !strings.Contains(" "+scope+" ", " "+scopeAPI+" "):
			return engine.User{}, msgScopeMissing
		}
		return user, ""
	}
	if username, password, ok := r.BasicAuth(); ok {
		if user, problem := s.checkPassword(username, password); problem == "" {
			return user, ""
		}
	}
	return engine.User{}, msgUnauthorized
}

// WriteUnauthorized is the engine's 401: HTML whatever the caller accepts.
func WriteUnauthorized(w http.ResponseWriter, reason string) {
	w.Header().Set("WWW-Authenticate", `Basic realm="RESTAPI"`)
	writeHTML(w, http.StatusUnauthorized, reason)
}

// servePKI is the public download of the CA.
func (s *Server) servePKI(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("resource") != "ca-certificate" || query.Get("format") != "X509-PEM-CA" {
		writeHTML(w, http.StatusBadRequest, "Bad Request")
		return
	}
	w.Header().Set(headerType, "application/x-x509-ca-cert")
	_, _ = w.Write(s.CA)
}
