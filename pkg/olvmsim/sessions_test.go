package olvmsim_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// basic calls the API with a password in place of a token; headers are key, value pairs.
func (c *client) basic(s *olvmsim.Simulator, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+"/api/clusters", http.NoBody)
	require.NoError(c.t, err)
	r.SetBasicAuth(s.Username(), s.Password())
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.do(r)
}

func sessionCookie(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	require.Len(t, cookies, 1)
	require.Equal(t, "JSESSIONID", cookies[0].Name)
	require.Equal(t, "/ovirt-engine/api", cookies[0].Path)
	require.True(t, cookies[0].Secure && cookies[0].HttpOnly)
	return cookies[0]
}

func TestPersistentSessionNeedsNoCredentials(t *testing.T) {
	s := olvmsim.New(t)
	c := anonymous(t, s)
	require.Empty(t, c.basic(s).header.Values("Set-Cookie"))
	cookie := "JSESSIONID=" + sessionCookie(t, c.basic(s, "Prefer", "persistent-auth")).Value
	c.must(http.StatusUnauthorized, http.MethodGet, "/vms", "", "Cookie", "JSESSIONID=other", "Prefer", "persistent-auth")
	for range 2 {
		c.must(http.StatusOK, http.MethodGet, "/vms", "", "Cookie", cookie, "Prefer", "persistent-auth")
	}
	c.must(http.StatusOK, http.MethodGet, "/vms", "", "Cookie", cookie)
	c.must(http.StatusUnauthorized, http.MethodGet, "/vms", "", "Cookie", cookie) // the call before did not ask to keep it
}

func TestPersistentSessionIsDroppedForNewCredentials(t *testing.T) {
	s := olvmsim.New(t)
	c := anonymous(t, s)
	cookie := "JSESSIONID=" + sessionCookie(t, c.basic(s, "Prefer", "persistent-auth")).Value
	require.Equal(t, http.StatusOK, c.basic(s, "Cookie", cookie, "Prefer", "new-auth, persistent-auth").status)
	c.must(http.StatusUnauthorized, http.MethodGet, "/vms", "", "Cookie", cookie, "Prefer", "persistent-auth")
	cookie = "JSESSIONID=" + sessionCookie(t, c.basic(s, "Prefer", "persistent-auth")).Value
	s.ExpireTokens()
	c.must(http.StatusUnauthorized, http.MethodGet, "/vms", "", "Cookie", cookie, "Prefer", "persistent-auth")
}

func TestProtectedSessionWantsItsIDInAHeader(t *testing.T) {
	s := olvmsim.New(t)
	c := anonymous(t, s)
	id := sessionCookie(t, c.basic(s, "Prefer", "persistent-auth, csrf-protection")).Value
	call := func(status int, headers ...string) {
		t.Helper()
		c.must(status, http.MethodGet, "/vms", "", append(headers, "Cookie", "JSESSIONID="+id, "Prefer", "persistent-auth, csrf-protection")...)
	}
	call(http.StatusForbidden)
	call(http.StatusForbidden, "JSESSIONID", "other")
	call(http.StatusOK, "JSESSIONID", id)
}

func TestTokensForTheWebServersUsers(t *testing.T) {
	s := olvmsim.New(t)
	c := anonymous(t, s)
	grant := func(grantType, password string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/sso/oauth/token-http-auth?"+
			url.Values{"grant_type": {grantType}, "scope": {"ovirt-app-api"}}.Encode(), http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Accept", "application/json")
		r.SetBasicAuth(s.Username(), password)
		return c.do(r)
	}
	a := grant("urn:ovirt:params:oauth:grant-type:http", "wrong")
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Contains(t, a.header.Values("WWW-Authenticate"), "Negotiate")
	require.Equal(t, "text/html;charset=UTF-8", a.header.Get("Content-Type"))
	require.Equal(t, "unsupported_grant_type", grant("password", s.Password()).text("error_code"))
	c.token = grant("urn:ovirt:params:oauth:grant-type:http", s.Password()).text("access_token")
	c.must(http.StatusOK, http.MethodGet, "/vms", "")
}

func TestTokenInfoNamesTheUser(t *testing.T) {
	s := olvmsim.New(t)
	c := newClient(t, s)
	info := func(token string) answer {
		return c.form("/sso/oauth/token-info", url.Values{"client_id": {"x"}, "client_secret": {"y"}, "token": {token}}, "application/json")
	}
	require.Equal(t, "admin@internal", info(c.token).text("user_id"))
	require.Equal(t, true, info(c.token).at("active"))
	a := info("other")
	require.Equal(t, http.StatusBadRequest, a.status)
	require.Equal(t, "invalid_grant", a.text("error"))
	require.Equal(t, "active", c.form("/sso/status", nil, "application/json").text("status"))
}

// Clients that take the engine's address for the API's get nowhere, and notice.
func TestWelcomePageBouncesThoseWithoutCookies(t *testing.T) {
	c := anonymous(t, olvmsim.New(t))
	get := func(path string, headers ...string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, http.NoBody)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return c.do(r)
	}
	path := ""
	var cookie string
	for range 12 {
		a := get(path)
		require.Equal(t, http.StatusFound, a.status)
		path = a.header.Get("Location")[len("/ovirt-engine"):]
		cookie = a.header.Get("Set-Cookie")
	}
	require.Equal(t, http.StatusOK, get("/", "Cookie", cookie).status)
	for format, want := range map[string]string{
		"ca-certificate&format=X509-PEM-CA": "application/x-x509-ca-cert", "ca-certificate&format=X509-PEM": "application/x-x509-cert",
		"other&format=X509-PEM-CA": "", "ca-certificate&format=x": "",
	} {
		a := get("/services/pki-resource?resource=" + format)
		if want == "" {
			require.Equal(t, http.StatusBadRequest, a.status)
			continue
		}
		require.Equal(t, want, a.header.Get("Content-Type"))
		require.Contains(t, a.raw, "BEGIN CERTIFICATE")
	}
}
