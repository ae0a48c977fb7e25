// Package integration proves user stories with the real programs: the command line, the controllers with Cluster API and the kubeadm
// control plane provider, a real API server and etcd, and the simulated engine over HTTPS. Only the guests are instant.
package integration

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait. Outcomes are asserted, never times.
const patience = 10 * time.Minute

// program finds a program that was built for the tests.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("OCNE_BIN")
	if dir == "" {
		t.Skip("OCNE_BIN is not set: it names the folder of the programs to test; run `make test`, or `make race-build` first")
	}
	path := filepath.Join(dir, name)
	require.FileExists(t, path, "build the programs with `make race-build`")
	return path
}

// daemon is a program that runs until the test ends.
type daemon struct {
	command *exec.Cmd
	log     string // file that holds its standard error
	done    chan error
}

// startDaemon starts a program, waits for its one line of JSON on stdout, and stops it when the test ends.
func startDaemon(t *testing.T, ready any, env []string, path string, args ...string) *daemon {
	t.Helper()
	log := filepath.Join(t.TempDir(), filepath.Base(path)+".log")
	stderr, err := os.Create(log)
	require.NoError(t, err)
	t.Cleanup(func() { _ = stderr.Close() })
	d := &daemon{command: exec.Command(path, args...), log: log, done: make(chan error, 1)}
	d.command.Env = append(os.Environ(), env...)
	d.command.Stderr = stderr
	stdout, err := d.command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, d.command.Start())
	t.Cleanup(func() { d.stop(t) })
	line := make(chan string, 1)
	go func() {
		reader := bufio.NewReader(stdout)
		first, _ := reader.ReadString('\n')
		line <- first
		_, _ = io.Copy(io.Discard, reader)
		d.done <- d.command.Wait()
	}()
	select {
	case first := <-line:
		require.NoError(t, json.Unmarshal([]byte(first), ready), "%s: first line %q, log: %s", path, first, tail(log))
	case <-time.After(patience):
		require.FailNow(t, "not ready", "%s, log: %s", path, tail(log))
	}
	return d
}

func (d *daemon) stop(t *testing.T) {
	_ = d.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(time.Minute):
		_ = d.command.Process.Kill()
		t.Errorf("%s did not stop within a minute of SIGTERM", d.command.Path)
	}
	expectNoRaces(t, d.log)
}

// expectNoRaces fails on what the race detector wrote into a program's log.
func expectNoRaces(t *testing.T, log string) {
	t.Helper()
	b, err := os.ReadFile(log)
	require.NoError(t, err)
	const rule = "=================="
	for _, report := range strings.Split(string(b), rule) {
		switch {
		case !strings.Contains(report, "WARNING: DATA RACE"):
		case knownUpstreamRace(report):
			t.Logf("%s: a known race of Cluster API's kubeadm control plane provider, not of this project", log)
		default:
			t.Errorf("%s: %s", log, report)
		}
	}
}

// knownUpstreamRace recognises the one race of a dependency: the control plane provider's dialer to etcd hands one SPDY round tripper
// to gRPC, which may dial twice at once (Cluster API 1.14.2, controlplane/kubeadm/pkg/proxy/dial.go).
func knownUpstreamRace(report string) bool {
	return strings.Contains(report, "cluster-api/controlplane/kubeadm/pkg/proxy.(*Dialer)") &&
		strings.Contains(report, "httpstream/spdy.(*SpdyRoundTripper)") &&
		!strings.Contains(report, "github.com/ocne-project/ocne/")
}

func tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	const most = 8 << 10
	return string(b[max(0, len(b)-most):])
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() (bool, string)) {
	t.Helper()
	var state string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		var ok bool
		if ok, state = condition(); ok {
			return
		}
	}
	require.FailNow(t, what, "last state: %s", state)
}
