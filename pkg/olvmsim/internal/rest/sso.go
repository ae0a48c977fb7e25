package rest

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

const (
	scopeAPI = "ovirt-app-api"
	// noExpiry is what the internal directory says: the largest Java long, in milliseconds, as a string.
	noExpiry = "9223372036854775807"

	msgGrantType      = "The authorization grant type is not supported by the authorization server."
	msgBadCredentials = "Unable to log in. Verify your login information or contact the system administrator."
	msgNoUser         = "No user name found in credentials."
	msgNoProfile      = "No valid profile found in credentials."
	msgTokenUnknown   = "invalid_grant: The provided authorization grant for the auth code has expired."
	msgScopeMissing   = "The required scope ovirt-app-api is not granted."
	msgUnauthorized   = "Unauthorized"
)

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
		refuse("unsupported_grant_type", msgGrantType)
		return
	}
	user, problem := s.checkPassword(r.FormValue("username"), r.FormValue("password"))
	if problem != "" {
		refuse("access_denied", problem)
		return
	}
	s.writeToken(w, user, scope)
}

func (s *Server) writeToken(w http.ResponseWriter, user engine.User, scope string) {
	token := s.sessions.open(s.sessions.byToken, secret(64), session{user: user, scope: scope})
	writeSSO(w, http.StatusOK, map[string]string{"access_token": token, "scope": scope, "exp": noExpiry, "token_type": "bearer"})
}

// serveTokenHTTP is the grant for callers whom the web server knows by their Authorization header. Kerberos is not simulated.
func (s *Server) serveTokenHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	username, password, _ := r.BasicAuth()
	user, problem := s.checkPassword(username, password)
	if problem != "" {
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", `Basic realm="SSO"`)
		writeHTML(w, http.StatusUnauthorized, msgUnauthorized)
		return
	}
	if r.FormValue("grant_type") != "urn:ovirt:params:oauth:grant-type:http" {
		writeSSOError(w, r.FormValue("scope"), "unsupported_grant_type", msgGrantType)
		return
	}
	s.writeToken(w, user, r.FormValue("scope"))
}

// serveTokenInfo says whose a token is.
func (s *Server) serveTokenInfo(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	found, ok := s.sessions.use(s.sessions.byToken, r.FormValue("token"))
	if !ok {
		writeSSOError(w, r.FormValue("scope"), "invalid_grant", strings.TrimPrefix(msgTokenUnknown, "invalid_grant: "))
		return
	}
	writeSSO(w, http.StatusOK, map[string]any{
		"active": true, "client_id": "ovirt-engine-core", "exp": noExpiry, "scope": found.scope, "token_type": "bearer", "user_id": found.user.Name,
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
	s.sessions.close(s.sessions.byToken, r.FormValue("token"))
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

func writeSSO(w http.ResponseWriter, status int, body any) {
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
		found, known := s.sessions.use(s.sessions.byToken, token)
		switch {
		case !known:
			return engine.User{}, msgTokenUnknown
		case !strings.Contains(" "+found.scope+" ", " "+scopeAPI+" "):
			return engine.User{}, msgScopeMissing
		}
		return found.user, ""
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
