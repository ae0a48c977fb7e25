package rest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

type power struct{}

func (power) On(engine.Boot)       {}
func (power) Off(string)           {}
func (power) Removed(string)       {}
func (power) Shutdown(string) bool { return false }

func TestSessionsEndWhenTheyAreIdle(t *testing.T) {
	now := time.Date(2026, 1, 5, 16, 0, 0, 0, time.UTC)
	e, err := engine.New(inventory.Default(), engine.Options{}, power{})
	require.NoError(t, err)
	s := New(Options{Engine: e, Passwords: map[string]string{engine.AdminName: "pw"}, Now: func() time.Time { return now }})
	call := func(headers ...string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ovirt-engine/api/clusters", http.NoBody)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	form := url.Values{"grant_type": {"password"}, "username": {engine.AdminName}, "password": {"pw"}, "scope": {"ovirt-app-api"}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ovirt-engine/sso/oauth/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	_, token, _ := strings.Cut(w.Body.String(), `"access_token":"`)
	token, _, _ = strings.Cut(token, `"`)

	w = httptest.NewRecorder()
	r = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ovirt-engine/api", http.NoBody)
	r.SetBasicAuth(engine.AdminName, "pw")
	r.Header.Set("Prefer", "persistent-auth")
	r.Header.Set("Session-TTL", "45")
	s.ServeHTTP(w, r)
	cookie := []string{"Cookie", "JSESSIONID=" + w.Result().Cookies()[0].Value, "Prefer", "persistent-auth"}

	bearer := []string{"Authorization", "Bearer " + token}
	require.Equal(t, http.StatusOK, call(bearer...))
	now = now.Add(29 * time.Minute)
	require.Equal(t, http.StatusOK, call(bearer...), "not idle long enough")
	now = now.Add(29 * time.Minute)
	require.Equal(t, http.StatusOK, call(bearer...), "every call starts the time again")
	now = now.Add(31 * time.Minute)
	require.Equal(t, http.StatusUnauthorized, call(bearer...))
	require.Equal(t, http.StatusUnauthorized, call(cookie...), "the caller's own 45 minutes have passed since the login")
}

func TestRoutesAndCallsThatAreNotSimulatedAreListed(t *testing.T) {
	e, err := engine.New(inventory.Default(), engine.Options{}, power{})
	require.NoError(t, err)
	s := New(Options{Engine: e, Passwords: map[string]string{engine.AdminName: "pw"}})
	require.Contains(t, s.Routes(), Route{Method: http.MethodPost, Pattern: "vms", Doc: "services/vms/methods/add"})
	known := map[string]bool{}
	for _, r := range s.Routes() {
		key := r.Method + " " + r.Pattern
		require.False(t, known[key], "%s is there twice", key)
		known[key] = true
		if r.Method == http.MethodPut {
			require.NotEmpty(t, r.Doc, "%s takes a body: the complaint about it names the documentation", key)
		}
	}
	for _, path := range []string{"/schedulingpolicies", "/schedulingpolicies", "/hosts/" + engine.BlankTemplateID + "/statistics"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ovirt-engine/api"+path, http.NoBody)
		r.SetBasicAuth(engine.AdminName, "pw")
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, []NotSimulatedCall{
		{Method: http.MethodGet, Path: "hosts/{id}/statistics", Count: 1}, {Method: http.MethodGet, Path: "schedulingpolicies", Count: 2},
	}, s.NotSimulated())
}
