package olvmsim_test

import (
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

func TestPasswordGrant(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Password: "pw"})
	c := anonymous(t, s)
	a := signOn(t, c, s)
	require.Equal(t, http.StatusOK, a.status)
	require.Len(t, a.text("access_token"), 86)
	require.Equal(t, "9223372036854775807", a.at("exp"), "milliseconds, as a string")
	require.Equal(t, "bearer", a.text("token_type"))
	require.Equal(t, "ovirt-app-api", a.text("scope"))
}

func TestSignOnIsRefused(t *testing.T) {
	const locked = "Unable to log in. Verify your login information or contact the system administrator."
	form := func(user, password, scope string) url.Values {
		return url.Values{"grant_type": {"password"}, "username": {user}, "password": {password}, "scope": {scope}}
	}
	s := olvmsim.New(t, olvmsim.Options{Password: "pw"})
	c := anonymous(t, s)
	for name, test := range map[string]struct {
		form         url.Values
		accept, body string
	}{
		"wrong password, API scope": {form("u@internal", "x", "ovirt-app-api"), "application/json",
			`{"error":"Cannot authenticate user 'u@internal': ` + locked + `.","error_code":"access_denied"}`},
		"wrong password, other scope": {form("admin@internal", "x", "ovirt-app-admin"), "application/json",
			`{"error":"access_denied","error_description":"Cannot authenticate user 'admin@internal': ` + locked + `."}`},
		"profile behind the last @": {form("admin@ovirt@internalsso", "x", "ovirt-app-api"), "application/json",
			`{"error":"Cannot authenticate user 'admin@ovirt@internalsso': ` + locked + `.","error_code":"access_denied"}`},
		"no profile": {form("admin", "pw", "ovirt-app-api"), "application/json",
			`{"error":"Cannot authenticate user 'admin@N/A': No valid profile found in credentials..","error_code":"access_denied"}`},
		"no user": {form("", "pw", "ovirt-app-api"), "application/json",
			`{"error":"Cannot authenticate user 'N/A@N/A': No user name found in credentials..","error_code":"access_denied"}`},
		"no grant type": {url.Values{"scope": {"ovirt-app-api"}}, "application/json",
			`{"error":"Missing parameter: 'grant_type'","error_code":"invalid_request"}`},
		"other grant type": {url.Values{"grant_type": {"x"}, "scope": {"y"}}, "application/json",
			`{"error":"unsupported_grant_type","error_description":"The authorization grant type is not supported by the authorization server."}`},
		"accepts anything": {form("admin@internal", "pw", "ovirt-app-api"), "*/*",
			`{"error":"Missing parameter: 'Accept Header'","error_code":"invalid_request"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.form("/sso/oauth/token", test.form, test.accept)
			require.Equal(t, http.StatusBadRequest, a.status)
			require.Equal(t, test.body+"\n", a.raw)
		})
	}
}

func TestAPIWantsAKnownToken(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	c.must(http.StatusOK, http.MethodGet, "/vms", "")
	refused := func(c *client, reason string) {
		t.Helper()
		a := c.must(http.StatusUnauthorized, http.MethodGet, "/vms", "")
		require.Equal(t, `Basic realm="RESTAPI"`, a.header.Get("WWW-Authenticate"))
		require.Equal(t, "text/html;charset=UTF-8", a.header.Get("Content-Type"))
		require.Equal(t, "<html><head><title>Error</title></head><body>"+reason+"</body></html>", a.raw)
	}
	const expired = "invalid_grant: The provided authorization grant for the auth code has expired."
	s.ExpireTokens()
	refused(c, expired)
	refused(&client{t: t, http: c.http, url: c.url, token: "nonsense"}, expired)
	refused(&client{t: t, http: c.http, url: c.url}, "Unauthorized")
	other := c.form("/sso/oauth/token", url.Values{
		"grant_type": {"password"}, "username": {s.Username()}, "password": {s.Password()}, "scope": {"ovirt-ext=x"},
	}, "application/json")
	refused(&client{t: t, http: c.http, url: c.url, token: other.text("access_token")},
		"The required scope ovirt-app-api is not granted.")
}

func TestRevokedTokenIsUnknown(t *testing.T) {
	s := olvmsim.New(t)
	for _, path := range []string{"/services/sso-logout", "/sso/oauth/revoke"} {
		c := newClient(t, s)
		require.Equal(t, "{}\n", c.form(path, url.Values{"scope": {""}, "token": {""}}, "application/json").raw, "the Go SDK sends no token")
		require.Equal(t, http.StatusOK, c.get("/vms").status)
		require.Equal(t, "{}\n", c.form(path, url.Values{"scope": {"ovirt-app-api"}, "token": {c.token}}, "application/json").raw)
		require.Equal(t, http.StatusUnauthorized, c.get("/vms").status)
	}
}

func TestBasicAuthenticationWorksToo(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Password: "pw"})
	c := anonymous(t, s)
	for password, status := range map[string]int{"pw": http.StatusOK, "x": http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/api", http.NoBody)
		require.NoError(t, err)
		r.SetBasicAuth("admin@internal", password)
		require.Equal(t, status, c.do(r).status)
	}
}

func TestCAIsPublicAndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	copied := t.TempDir() + "/engine-ca.pem"
	s := olvmsim.New(t, olvmsim.Options{StateDir: dir, CAFile: copied})
	c := anonymous(t, s)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		c.url+"/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA", http.NoBody)
	require.NoError(t, err)
	a := c.do(r)
	require.Equal(t, "application/x-x509-ca-cert", a.header.Get("Content-Type"))
	require.Equal(t, string(s.CA()), a.raw)
	block, _ := pem.Decode([]byte(a.raw))
	require.Equal(t, "CERTIFICATE", block.Type)
	inFile, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.Equal(t, s.CA(), inFile)
	key, err := os.Stat(dir + "/ca-key.pem")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), key.Mode().Perm())

	s.Stop()
	again := olvmsim.New(t, olvmsim.Options{StateDir: dir})
	require.Equal(t, s.CA(), again.CA())
	require.Equal(t, http.StatusOK, newClient(t, again).get("").status)
}
