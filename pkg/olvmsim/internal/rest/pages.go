package rest

import (
	"net/http"
	"strings"
)

// servePage is everything outside of the API.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, path string) {
	const root = "/ovirt-engine"
	switch strings.TrimPrefix(path, root) {
	case "/sso/oauth/token":
		s.serveToken(w, r)
	case "/sso/oauth/token-http-auth":
		s.serveTokenHTTP(w, r)
	case "/sso/oauth/token-info":
		s.serveTokenInfo(w, r)
	case "/sso/oauth/revoke", "/services/sso-logout":
		s.serveRevoke(w, r)
	case "/sso/status":
		writeSSO(w, http.StatusOK, map[string]string{"status": "active", "status_description": "SSO Webapp Welcome Page", "version": "0"})
	case "/services/pki-resource":
		s.servePKI(w, r)
	case "", "/", "/webadmin", "/web-ui", "/sso/login.html", "/sso/interactive-login":
		serveLogin(w, r, path)
	default:
		http.Error(w, "Not Found", http.StatusNotFound)
	}
}

// serveLogin bounces between the welcome page and the login until the caller brings the cookie back. Clients without cookies
// end in a loop, by which they notice that this address is not the API's.
func serveLogin(w http.ResponseWriter, r *http.Request, path string) {
	const cookie = "OVIRT_SSO_SESSION"
	if _, err := r.Cookie(cookie); err == nil {
		w.Header().Set(headerType, contentHTML)
		_, _ = w.Write([]byte("<html><head><title>oVirt Engine</title></head><body>oVirt Engine</body></html>"))
		return
	}
	target := "/ovirt-engine/sso/interactive-login"
	if strings.HasPrefix(path, "/ovirt-engine/sso/") {
		target = "/ovirt-engine/"
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: "1", Path: "/ovirt-engine", Secure: true, HttpOnly: true}) //nolint:gosec // the engine sends no SameSite
	http.Redirect(w, r, target, http.StatusFound)
}

// servePKI is the public download of certificates and keys.
func (s *Server) servePKI(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if query.Get("resource") != "ca-certificate" {
		writeHTML(w, http.StatusBadRequest, "Bad Request")
		return
	}
	switch query.Get("format") {
	case "X509-PEM-CA":
		w.Header().Set(headerType, "application/x-x509-ca-cert")
	case "X509-PEM":
		w.Header().Set(headerType, "application/x-x509-cert")
	default:
		writeHTML(w, http.StatusBadRequest, "Bad Request")
		return
	}
	_, _ = w.Write(s.CA)
}
