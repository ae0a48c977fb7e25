package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asProgram makes the test binary be the program, in a process of its own.
const asProgram = "OLVMSIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is olvmsim in a process of its own, with a stepped clock and a seed.
type process struct {
	t     *testing.T
	ready ready
	http  *http.Client
	token string
}

func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	t.Setenv(passwordVariable, "a-known-password")
	command := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--listen", "127.0.0.1:0", "--clock", "stepped", "--seed", "7"}, args...)...)
	command.Env = append(os.Environ(), asProgram+"=1")
	command.Stderr = os.Stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Wait() }) // t.Context() has ended: the process ends
	p := &process{t: t}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(line, &p.ready))
	pem, err := os.ReadFile(p.ready.CAFile)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	p.http = &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		Timeout:   time.Minute,
	}
	p.signOn()
	return p
}

func (p *process) signOn() {
	p.t.Helper()
	form := url.Values{
		"grant_type": {"password"}, "scope": {"ovirt-app-api"}, "username": {administrator}, "password": {"a-known-password"},
	}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.ready.URL+"/sso/oauth/token", strings.NewReader(form.Encode()))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	response, err := p.http.Do(r)
	require.NoError(p.t, err)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	require.NoError(p.t, json.NewDecoder(response.Body).Decode(&token))
	require.NoError(p.t, response.Body.Close())
	p.token = token.AccessToken
}

// try calls the API. The status is 0 where there is no answer.
func (p *process) try(method, path, body string) (status int, answer string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.ready.URL+"/api/"+path, strings.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.token)
	response, err := p.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	raw, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, response.Body.Close())
	return response.StatusCode, string(raw)
}

// must calls the API, requires the status and returns the answer.
func (p *process) must(status int, method, path, body string) map[string]any {
	p.t.Helper()
	got, raw := p.try(method, path, body)
	require.Equal(p.t, status, got, "%s %s: %s", method, path, raw)
	out := map[string]any{}
	_ = json.Unmarshal([]byte(raw), &out) // some answers are empty or not JSON
	return out
}

// command runs a subcommand against the process.
func (p *process) command(args ...string) (string, error) {
	p.t.Helper()
	return execute(p.t, append(args, "--url", p.ready.URL, "--ca-file", p.ready.CAFile)...)
}

// ran is command, which must succeed.
func (p *process) ran(args ...string) string {
	p.t.Helper()
	out, err := p.command(args...)
	require.NoError(p.t, err)
	return strings.TrimSpace(out)
}

func (p *process) fault(args ...string) string {
	p.t.Helper()
	return p.ran(append([]string{"fault", "add"}, args...)...)
}

func (p *process) advance(d string) {
	p.t.Helper()
	p.ran("clock", "advance", d)
}

func vmBody(name string) string {
	return `{"name":"` + name + `","cluster":{"name":"Default"},"template":{"name":"ock"}}`
}

// addVM makes a VM that is down and returns its path.
func (p *process) addVM(name string) string {
	p.t.Helper()
	vm := p.must(http.StatusAccepted, http.MethodPost, "vms", vmBody(name))
	p.advance("1m")
	return "vms/" + vm["id"].(string)
}

func (p *process) startVM(path string) {
	p.t.Helper()
	p.must(http.StatusOK, http.MethodPost, path+"/start", "{}")
}

func (p *process) vmStatus(path string) string {
	p.t.Helper()
	return p.must(http.StatusOK, http.MethodGet, path, "")["status"].(string)
}

func (p *process) vmNames() (names []string) {
	p.t.Helper()
	list, _ := p.must(http.StatusOK, http.MethodGet, "vms", "")["vm"].([]any)
	for _, v := range list {
		names = append(names, v.(map[string]any)["name"].(string))
	}
	return names
}
