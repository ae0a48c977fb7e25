package ovirt

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestURLForms(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	for _, suffix := range []string{"", "/", "/ovirt-engine", "/ovirt-engine/", "/ovirt-engine/api", "/ovirt-engine/api/", "//ovirt-engine//api//"} {
		_, err := e.client(t, func(c *Config) { c.URL = e.URL + suffix }).VMs(t.Context(), "")
		require.NoError(t, err, suffix)
	}
	for _, request := range e.carriedOut() {
		require.Equal(t, "GET /api/vms", request)
	}
}

func TestConfigsThatCannotWorkAreRefusedWithoutEchoingThem(t *testing.T) {
	good := Config{URL: "https://engine.example.com/ovirt-engine", Username: testUsername, Password: testPassword}
	for want, change := range map[string]func(*Config){
		"must begin with https://":    func(c *Config) { c.URL = "http://engine.example.com/ovirt-engine" },
		"must not hold credentials":   func(c *Config) { c.URL = "https://admin:" + "pw-in-url@engine.example.com" },
		"not a URL":                   func(c *Config) { c.URL = "https://admin:pw-in-url/@engine.example.com" },
		"must not hold a query":       func(c *Config) { c.URL += "?password=pw-in-url" },
		"a password are needed":       func(c *Config) { c.Password = "" },
		"no certificate in the PEM":   func(c *Config) { c.CA = []byte("not PEM") },
		"must not be negative":        func(c *Config) { c.Timeout = -time.Second },
		"number of calls in flight":   func(c *Config) { c.MaxInFlight = -1 },
		"expected https://HOST/ovirt": func(c *Config) { c.URL = "" },
	} {
		config := good
		change(&config)
		_, err := New(config)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "pw-in-url")
	}
	_, err := New(good)
	require.NoError(t, err)
}

func TestUntrustedCertificateSaysHowToGetTheCA(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	_, err := e.client(t, func(c *Config) { c.CA = nil }).VMs(t.Context(), "")
	require.ErrorIs(t, err, Unavailable)
	require.ErrorContains(t, err, "list VMs: log in to the engine as admin@internal: the engine's certificate is not trusted: ")
	var untrusted *UntrustedCertificateError
	require.ErrorAs(t, err, &untrusted)
	require.Equal(t, e.URL+"/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA", untrusted.CAURL)
	require.ErrorContains(t, err, "curl -k -o ca.pem '"+untrusted.CAURL+"'")
	require.ErrorContains(t, err, "compare its fingerprint")
	require.Zero(t, e.loginCount(), "the password is not sent")

	_, err = e.client(t, func(c *Config) { c.CA, c.InsecureSkipTLSVerify = nil, true }).VMs(t.Context(), "")
	require.NoError(t, err)
}

func TestCertificateOfATrustedCAWithoutTheHostNameSaysSo(t *testing.T) {
	e := newEngine(t, replyJSON(http.StatusOK, `{}`))
	_, port, err := net.SplitHostPort(e.Listener.Addr().String())
	require.NoError(t, err)
	_, err = e.client(t, func(c *Config) { c.URL = "https://localhost:" + port }).VMs(t.Context(), "") // the certificate names example.com
	var untrusted *UntrustedCertificateError
	require.ErrorAs(t, err, &untrusted)
	require.ErrorContains(t, err, "not localhost; give the engine's URL with a host name that is in its certificate")
	require.NotContains(t, err.Error(), "curl", "another CA would not help")
}

func TestExpiredCertificateIsNotHelpedByACA(t *testing.T) {
	expired := x509.CertificateInvalidError{Reason: x509.Expired, Detail: "yesterday"}
	err := &UntrustedCertificateError{CAURL: "https://engine.example.com/ca", Err: expired}
	require.EqualError(t, err, "the engine's certificate is not trusted: x509: certificate has expired or is not yet valid: yesterday; "+
		"check this machine's clock; if it is right, the engine's administrator has to renew the certificate")
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	e := &engine{expired: replyJSON(http.StatusOK, `{}`)}
	e.signOn = replyJSON(http.StatusOK, `{"access_token":"`+tokenPrefix+`x"}`)
	routes := http.NewServeMux()
	routes.HandleFunc("/ovirt-engine/sso/oauth/token", e.serveLogin)
	routes.HandleFunc("/ovirt-engine/api/", e.expired)
	e.Server = httptest.NewUnstartedServer(routes) // HTTP/1.1: nothing but keep-alive reuses a connection
	e.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	e.StartTLS()
	t.Cleanup(e.Close)
	c := e.client(t)
	for range 20 {
		_, err := c.VMs(t.Context(), "")
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, opened.Load())
}

func TestCallEndsAtItsDeadline(t *testing.T) {
	e := newEngine(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, err := e.client(t, func(c *Config) { c.Timeout = 500 * time.Millisecond }).VM(t.Context(), vmID)
	require.ErrorIs(t, err, Unavailable)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.EqualError(t, err, "get VM "+vmID+": no reply in time (at most 500ms for a call): context deadline exceeded")
}

func TestCallerCanGiveUp(t *testing.T) {
	ctx, giveUp := context.WithCancel(t.Context())
	e := newEngine(t, func(_ http.ResponseWriter, r *http.Request) {
		giveUp()
		<-r.Context().Done()
	})
	_, err := e.client(t).VM(ctx, vmID)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, Unknown, KindOf(err), "the engine is not to blame")
}

func TestNoMoreCallsInFlightThanAllowed(t *testing.T) {
	const allowed, calls = 2, 8
	arrived, release := make(chan struct{}, calls), make(chan struct{})
	var now, most atomic.Int32
	e := newEngine(t, func(w http.ResponseWriter, r *http.Request) {
		current := now.Add(1)
		defer now.Add(-1)
		for seen := most.Load(); current > seen && !most.CompareAndSwap(seen, current); seen = most.Load() {
		}
		arrived <- struct{}{}
		<-release
		replyJSON(http.StatusOK, `{}`)(w, r)
	})
	c := e.client(t, func(c *Config) { c.MaxInFlight = allowed })
	var callers sync.WaitGroup
	failures := make([]error, calls)
	for n := range calls {
		callers.Go(func() { _, failures[n] = c.VMs(t.Context(), "") })
	}
	for range allowed {
		<-arrived
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.VMs(ended, "")
	require.ErrorIs(t, err, context.Canceled, "who waits for a place still has its context")
	require.ErrorContains(t, err, "list VMs: waiting for one of 2 places in flight")
	close(release)
	callers.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	require.EqualValues(t, allowed, most.Load())
}

func TestNoConnectionIsUnavailable(t *testing.T) {
	e := newEngine(t, nil)
	c := e.client(t)
	e.Close()
	_, err := c.VMs(t.Context(), "")
	require.ErrorIs(t, err, Unavailable)
	require.ErrorContains(t, err, "no connection to the engine: dial tcp")
}

func TestRepliesThatAreNotTheEngines(t *testing.T) {
	for name, test := range map[string]struct {
		api  http.HandlerFunc
		kind Kind
		text string
	}{
		"a page with status 200": {
			reply(http.StatusOK, "text/html", "<html>log in to the proxy</html>"), Unavailable,
			"unexpected reply (200 OK): the reply is not JSON (text/html)",
		},
		"an empty list reply": {reply(http.StatusOK, "", ""), Unavailable, "the reply is not JSON"},
		"a redirect": {http.RedirectHandler("https://elsewhere.example.com/", http.StatusTemporaryRedirect).ServeHTTP, NotEngine,
			"not an engine (307 Temporary Redirect): the reply is a redirect to elsewhere.example.com; give the engine's own address"},
		"a list that is none":  {replyJSON(http.StatusOK, `{"vm":{"id":"x"}}`), Unknown, "not what the API describes"},
		"a number that is not": {replyJSON(http.StatusOK, `{"vm":[{"memory":"much"}]}`), Unknown, `"much" is not an integer`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newEngine(t, test.api).client(t).VMs(t.Context(), "")
			require.ErrorContains(t, err, test.text)
			require.Equal(t, test.kind, KindOf(err))
		})
	}
	t.Run("a page in reply to a removal", func(t *testing.T) {
		err := newEngine(t, reply(http.StatusOK, "text/html", "<html></html>")).client(t).RemoveVM(t.Context(), vmID)
		require.ErrorIs(t, err, Unavailable)
	})
}

func TestObserverSeesEveryRequest(t *testing.T) {
	e := newEngine(t, reply(http.StatusNotFound, "", ""))
	var seen []string
	c := e.client(t, func(c *Config) {
		c.Observe = func(call Call) {
			seen = append(seen, fmt.Sprint(call.Operation, " ", call.Status, " ", KindOf(call.Err)))
			require.Positive(t, call.Duration)
		}
	})
	_, err := c.VM(t.Context(), vmID)
	require.ErrorIs(t, err, NotFound)
	e.expire()
	require.ErrorIs(t, c.StartVM(t.Context(), vmID), NotFound)
	e.Close()
	require.ErrorIs(t, c.RemoveVM(t.Context(), vmID), Unavailable)
	require.Equal(t, []string{
		"sso.token 200 ", "vms.get 404 not found",
		"vms.start 401 auth", "sso.token 200 ", "vms.start 404 not found",
		"vms.remove 0 unavailable",
	}, seen)
}

func TestNoSecretInAnyErrorOrPrint(t *testing.T) {
	const document = "boot-document-with-keys"
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			said, _ := json.Marshal(fmt.Sprint(r.Header.Get("Authorization"), " ", testPassword))
			replyJSON(status, `{"reason":`+string(said)+`,"detail":`+string(said)+`}`)(w, r)
		}
	}
	var printed []string
	try := func(adapt func(*engine), api http.HandlerFunc) {
		e := newEngine(t, api)
		adapt(e)
		c := e.client(t, func(c *Config) {
			c.Timeout = time.Second
			c.Observe = func(call Call) { printed = append(printed, fmt.Sprintf("%v %+v %#v", call, call, call.Err)) }
		})
		for range 2 {
			_, err := c.AddVM(t.Context(), AddVM{ID: vmID, Name: "demo-1", CustomScript: document}, "c1")
			require.Error(t, err)
			printed = append(printed, fmt.Sprintf("%v %+v %#v", err, err, err))
		}
		config := e.config()
		printed = append(printed, fmt.Sprintf("%v %+v %#v %v %+v %#v", c, c, c, config, config, config))
	}
	for _, status := range []int{400, 403, 404, 409, 500} {
		try(func(*engine) {}, echo(status))
	}
	try(func(e *engine) {
		e.expired = func(w http.ResponseWriter, r *http.Request) {
			reply(http.StatusUnauthorized, "text/html", "<body>"+r.Header.Get("Authorization")+"</body>")(w, r)
		}
		e.signOn = replyJSON(http.StatusOK, `{"access_token":"`+tokenPrefix+`x"}`)
	}, nil)
	try(func(e *engine) {
		e.signOn = replyJSON(http.StatusBadRequest, `{"error_code":"access_denied","error":"wrong: `+testPassword+`"}`)
	}, nil)
	try(func(e *engine) { e.signOn = reply(http.StatusOK, "text/html", testPassword) }, nil)
	try(func(e *engine) { e.signOn = replyJSON(http.StatusOK, `{"access_token":["`+tokenPrefix+`x"]}`) }, nil)
	try(func(e *engine) { e.Close() }, nil)
	try(func(*engine) {}, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	require.NotEmpty(t, printed)
	for _, text := range printed {
		require.NotContains(t, text, testPassword)
		require.NotContains(t, text, tokenPrefix)
		require.NotContains(t, text, document)
	}
}
