package olvmsim_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const (
	// patience is how long a test waits for an outcome; what it waits for takes milliseconds.
	patience = 2 * time.Minute
	blankID  = "00000000-0000-0000-0000-000000000000"
)

// client is a caller of the API that knows nothing of the simulator's packages.
type client struct {
	t     *testing.T
	http  *http.Client
	url   string
	token string
	// headers, as key, value pairs, go with every call of the API.
	headers []string
}

// answer is a reply with its body as it came and decoded.
type answer struct {
	status int
	header http.Header
	raw    string
	value  any
	json   map[string]any // value, if it is an object
}

func newClient(t *testing.T, s *olvmsim.Simulator) *client {
	t.Helper()
	c := anonymous(t, s)
	c.token = signOn(t, c, s).json["access_token"].(string)
	return c
}

func anonymous(t *testing.T, s *olvmsim.Simulator) *client {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(s.CA()))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{t: t, http: &http.Client{Transport: transport, CheckRedirect: noRedirects}, url: s.URL()}
}

func signOn(t *testing.T, c *client, s *olvmsim.Simulator) answer {
	t.Helper()
	return c.form("/sso/oauth/token", url.Values{
		"grant_type": {"password"}, "username": {s.Username()}, "password": {s.Password()}, "scope": {"ovirt-app-api"},
	}, "application/json")
}

func (c *client) form(path string, values url.Values, accept string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+path, strings.NewReader(values.Encode()))
	require.NoError(c.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", accept)
	return c.do(r)
}

// call calls the API; headers are key, value pairs.
func (c *client) call(method, path, body string, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.url+"/api"+path, strings.NewReader(body))
	require.NoError(c.t, err)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	headers = append(slices.Clone(c.headers), headers...)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.do(r)
}

func (c *client) do(r *http.Request) answer {
	c.t.Helper()
	response, err := c.http.Do(r)
	require.NoError(c.t, err)
	defer func() { require.NoError(c.t, response.Body.Close()) }()
	raw, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	a := answer{status: response.StatusCode, header: response.Header, raw: string(raw)}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		require.NoError(c.t, decoder.Decode(&a.value), a.raw)
		a.json, _ = a.value.(map[string]any)
	}
	return a
}

func (c *client) get(path string) answer {
	c.t.Helper()
	return c.call(http.MethodGet, path, "")
}

// search lists what fits; further parameters follow as "&max=1".
func (c *client) search(collection, search string, more ...string) answer {
	c.t.Helper()
	return c.must(http.StatusOK, http.MethodGet, "/"+collection+"?search="+url.QueryEscape(search)+strings.Join(more, ""), "")
}

// must calls and requires a status.
func (c *client) must(status int, method, path, body string, headers ...string) answer {
	c.t.Helper()
	a := c.call(method, path, body, headers...)
	require.Equal(c.t, status, a.status, "%s %s: %s", method, path, a.raw)
	return a
}

// at looks up a path of keys and list positions such as "vm.0.id"; nil if it is not there.
func (a answer) at(path string) any {
	value := a.value
	for _, key := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			if int(key[0]-'0') >= len(v) {
				return nil
			}
			value = v[key[0]-'0']
		default:
			return nil
		}
	}
	return value
}

func (a answer) text(path string) string {
	s, _ := a.at(path).(string)
	return s
}

// names lists the names in a collection.
func (a answer) names(key string) []string {
	names := []string{}
	list, _ := a.json[key].([]any)
	for _, entry := range list {
		names = append(names, entry.(map[string]any)["name"].(string))
	}
	return names
}

// waitStatus waits until the object has the status.
func (c *client) waitStatus(path, status string) answer {
	c.t.Helper()
	var last answer
	require.Eventually(c.t, func() bool {
		last = c.get(path)
		return last.text("status") == status
	}, patience, time.Millisecond, "%s never was %s", path, status)
	return last
}

// waitGone waits until the object does not exist any more.
func (c *client) waitGone(path string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.get(path).status == http.StatusNotFound }, patience, time.Millisecond, "%s stays", path)
}

// addVM makes a VM from the template ock and waits until it is down; more is further JSON such as `"comment":"x",`.
func (c *client) addVM(name, more string) (path string) {
	c.t.Helper()
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", `{`+more+`"name":"`+name+`","cluster":{"name":"Default"},"template":{"name":"ock"}}`)
	path = "/vms/" + a.text("id")
	c.waitStatus(path, "down")
	return path
}

// start starts a VM and waits until the guest is called.
func (c *client) start(vm string) {
	c.t.Helper()
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "{}")
	c.waitRunning(vm)
}

func (c *client) waitRunning(vm string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		status := c.get(vm).text("status")
		return status == "powering_up" || status == "up"
	}, patience, time.Millisecond)
}

func (c *client) stop(vm string) {
	c.t.Helper()
	c.must(http.StatusOK, http.MethodPost, vm+"/stop", "")
	c.waitStatus(vm, "down")
}
