package ovirt

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestFirstCallLogsInAndLaterCallsReuseTheToken(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{"id":"`+vmID+`"}`))
	c := e.client(t)
	require.Zero(t, e.loginCount(), "New makes no request")
	for range 3 {
		_, err := c.VM(t.Context(), vmID)
		require.NoError(t, err)
	}
	require.Equal(t, 1, e.loginCount())
}

func TestFiftyCallsWithAnExpiredTokenLogInOnceMore(t *testing.T) {
	const calls = 50
	e := newEngine(t, replyJSON(http.StatusOK, `{"id":"`+vmID+`"}`))
	c := e.client(t, func(config *Config) { config.MaxInFlight = calls })
	_, err := c.VM(t.Context(), vmID)
	require.NoError(t, err)
	e.expire()
	// All 401 leave together: every call has seen its token refused before any can log in again.
	var refused sync.WaitGroup
	refused.Add(calls)
	page := e.expired
	e.expired = func(w http.ResponseWriter, r *http.Request) {
		refused.Done()
		refused.Wait()
		page(w, r)
	}
	failures := make([]error, calls)
	var callers sync.WaitGroup
	for n := range calls {
		callers.Go(func() { _, failures[n] = c.VM(t.Context(), vmID) })
	}
	callers.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	require.Equal(t, 2, e.loginCount())
}

func TestCallWithAnExpiredTokenIsReplayedOnceEvenIfNotIdempotent(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusAccepted, `{"id":"`+vmID+`","name":"demo-1","status":"image_locked"}`))
	c := e.client(t)
	_, err := c.System(t.Context())
	require.NoError(t, err)
	e.expire()
	vm, err := c.AddVM(t.Context(), AddVM{ID: vmID, Name: "demo-1"}, "c1")
	require.NoError(t, err)
	require.Equal(t, StatusImageLocked, vm.Status)
	require.Equal(t, []string{"GET /api", `POST /api/vms {"id":"` + vmID + `","name":"demo-1","type":"server"}`}, e.carriedOut())
	require.Equal(t, 2, e.loginCount())
}

func TestTokenRefusedTwiceIsAnAuthErrorInTheEnginesWords(t *testing.T) {
	e := newEngine(t, nil)
	e.expired = reply(http.StatusUnauthorized, "text/html",
		"<html><head><title>Error</title></head><body>The required scope ovirt-app-api is not granted.</body></html>")
	e.signOn = replyJSON(http.StatusOK, `{"access_token":"`+tokenPrefix+`x"}`)
	_, err := e.client(t).VM(t.Context(), vmID)
	require.ErrorIs(t, err, Auth)
	require.EqualError(t, err, "get VM "+vmID+": engine refused (401 Unauthorized): The required scope ovirt-app-api is not granted.")
	require.Equal(t, 2, e.loginCount(), "replayed once, not for ever")
}

// The credentials are right: the single sign-on service gave a token. The engine wants a role with the permit login.
func TestUserWithoutAnyRoleIsForbidden(t *testing.T) {
	const words = "The user operator@internal-authz with profile [internal] is not authorized to perform login"
	e := newEngine(t, nil)
	e.signOn = replyJSON(http.StatusOK, `{"access_token":"`+tokenPrefix+`x"}`)
	e.expired = reply(http.StatusUnauthorized, "text/html", "<html><head><title>Error</title></head><body>"+words+"</body></html>")
	_, err := e.client(t).VMs(t.Context(), "")
	require.ErrorIs(t, err, Forbidden)
	require.EqualError(t, err, "list VMs: engine refused (401 Unauthorized): "+words)
}

func noEngine(status string) string {
	return "not an engine (" + status + "): the reply to the login is not that of an engine; give the engine's own address, https://HOST/ovirt-engine"
}

func TestLoginFailures(t *testing.T) {
	const refused = "Cannot authenticate user 'admin@internal': Unable to log in. Verify your login information or contact the system administrator.."
	for name, test := range map[string]struct {
		reply http.HandlerFunc
		kind  Kind
		text  string
	}{
		"code in error_code, the scope being the API's": {
			replyJSON(http.StatusBadRequest, `{"error_code":"access_denied","error":"`+refused+`"}`), Auth,
			"engine refused (400 access_denied): " + refused,
		},
		"code in error, the scope being another": {
			replyJSON(http.StatusBadRequest, `{"error":"access_denied","error_description":"`+refused+`"}`), Auth,
			"engine refused (400 access_denied): " + refused,
		},
		"a scope that the service does not know": {
			replyJSON(http.StatusBadRequest, `{"error_code":"invalid_scope","error":"The requested scope is invalid."}`), Invalid,
			"engine refused (400 invalid_scope): The requested scope is invalid.",
		},
		"the service failed": {
			replyJSON(http.StatusBadRequest, `{"error_code":"server_error","error":"Internal error"}`), Unavailable,
			"engine unavailable (400 server_error): Internal error",
		},
		"the engine is starting": {
			reply(http.StatusServiceUnavailable, "text/html", "<html>busy</html>"), Unavailable,
			"engine unavailable (503 Service Unavailable): the reply is not JSON (text/html): " +
				"the engine may be starting, a proxy may have answered, or the URL may not be an engine's",
		},
		"too many requests": {
			reply(http.StatusTooManyRequests, "", ""), Unavailable,
			"engine unavailable (429 Too Many Requests)",
		},
		"a page from something that is no engine":       {reply(http.StatusOK, "text/html", "<html>welcome</html>"), NotEngine, noEngine("200 OK")},
		"no such service, which says nothing of the VM": {reply(http.StatusNotFound, "", ""), NotEngine, noEngine("404 Not Found")},
		"a page that forbids":                           {reply(http.StatusForbidden, "text/html", "<p>no</p>"), NotEngine, noEngine("403 Forbidden")},
		"another API's refusal":                         {replyJSON(http.StatusForbidden, `{"reason":"Forbidden"}`), NotEngine, noEngine("403 Forbidden")},
		"a reply without a token":                       {replyJSON(http.StatusOK, `{}`), NotEngine, noEngine("200 OK")},
		"a reply that is a list":                        {replyJSON(http.StatusOK, `[]`), NotEngine, noEngine("200 OK")},
		"a redirect": {
			http.RedirectHandler("https://elsewhere.example.com/", http.StatusFound).ServeHTTP, NotEngine,
			"not an engine (302 Found): the reply is a redirect to elsewhere.example.com; give the engine's own address, https://HOST/ovirt-engine",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, nil)
			e.signOn = test.reply
			_, err := e.client(t).VM(t.Context(), vmID)
			require.EqualError(t, err, "get VM "+vmID+": log in to the engine as admin@internal: "+test.text)
			require.Equal(t, test.kind, KindOf(err))
		})
	}
}

// The engine's user directory locks an account after five failures.
func TestRefusedCredentialsAreNotTriedAgainByEveryCall(t *testing.T) {
	e := newEngine(t, nil)
	e.signOn = replyJSON(http.StatusBadRequest, `{"error_code":"access_denied","error":"Cannot authenticate user 'admin@internal'"}`)
	c := e.client(t)
	for range 10 {
		_, err := c.VMs(t.Context(), "")
		require.ErrorIs(t, err, Auth)
		require.ErrorContains(t, err, "list VMs: log in to the engine as admin@internal: engine refused (400 access_denied)")
	}
	require.Equal(t, 1, e.loginCount())
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestLoginThatOneCallerGivesUpIsTakenOverByAnotherThatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{URL: "https://engine.example.com", Username: testUsername, Password: testPassword})
		require.NoError(t, err)
		logins := 0
		c.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			if strings.HasSuffix(r.URL.Path, "/token") {
				if logins++; logins == 1 {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
			}
			replyJSON(http.StatusOK, `{"access_token":"x"}`)(w, r)
			return w.Result(), nil
		})
		ctx, giveUp := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		var first, second error
		callers.Go(func() { _, first = c.VMs(ctx, "") })
		synctest.Wait() // the first logs in
		callers.Go(func() { _, second = c.VMs(t.Context(), "") })
		synctest.Wait() // the second waits for that
		giveUp()
		callers.Wait()
		require.ErrorIs(t, first, context.Canceled)
		require.NoError(t, second)
		require.Equal(t, 2, logins)
	})
}

func TestRefusalThatArrivesAfterAnotherCallLoggedInUsesTheNewToken(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	c := e.client(t)
	_, err := c.VMs(t.Context(), "")
	require.NoError(t, err)
	e.expire()
	page, refused, late := e.expired, make(chan struct{}), make(chan struct{})
	e.expired = func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			close(refused)
			<-late
		}
		page(w, r)
	}
	var slow error
	var caller sync.WaitGroup
	caller.Go(func() { slow = c.StartVM(t.Context(), vmID) })
	<-refused
	_, err = c.VMs(t.Context(), "")
	require.NoError(t, err)
	close(late)
	caller.Wait()
	require.NoError(t, slow)
	require.Equal(t, 2, e.loginCount())
}

func TestLogoutRevokesTheTokenAndTheNextCallLogsIn(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	c := e.client(t)
	require.NoError(t, c.Logout(t.Context()), "nothing to revoke")
	require.Empty(t, e.carriedOut())
	_, err := c.VMs(t.Context(), "")
	require.NoError(t, err)
	require.NoError(t, c.Logout(t.Context()))
	require.Equal(t, []string{"GET /api/vms", "POST /services/sso-logout token is known: true"}, e.carriedOut())
	_, err = c.VMs(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, 2, e.loginCount())
}
