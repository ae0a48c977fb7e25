// Package programs runs the real programs for tests: an engine simulator, management clusters, controllers and the command line, each as
// a process of its own.
package programs

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience bounds every wait. Outcomes are asserted, never times.
const Patience = 10 * time.Minute

// Path finds a program that was built for the tests.
func Path(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("OCNE_BIN")
	if dir == "" {
		t.Skip("OCNE_BIN is not set: it names the folder of the programs to test; run `make test`, or `make race-build` first")
	}
	path := filepath.Join(dir, name)
	require.FileExists(t, path, "build the programs with `make race-build`")
	return path
}

// PlainPath finds a program that was built without the race detector, for tests that start it hundreds of times: what they prove is the
// order of requests, and others run the same code with the detector. Without such a build it is that of Path.
func PlainPath(t testing.TB, name string) string {
	t.Helper()
	if dir := os.Getenv("OCNE_PLAIN_BIN"); dir != "" {
		path := filepath.Join(dir, name)
		require.FileExists(t, path, "build the programs with `make build`")
		return path
	}
	return Path(t, name)
}

// Daemon is a program that runs until the test ends.
type Daemon struct {
	// PID is the process's id.
	PID int
	// Log is the file that holds its standard error.
	Log string

	command *exec.Cmd
	ready   chan string   // its first line on stdout, empty when it ended without one
	done    chan struct{} // closed when it has ended
}

// Launch starts a program. It is stopped when the test ends, also when that is killed, and has failed the test if the race detector reported
// something.
func Launch(t testing.TB, env []string, path string, args ...string) *Daemon {
	t.Helper()
	log := filepath.Join(t.TempDir(), filepath.Base(path)+".log")
	stderr, err := os.Create(log)
	require.NoError(t, err)
	d := &Daemon{Log: log, command: exec.CommandContext(context.Background(), path, args...), ready: make(chan string, 1), done: make(chan struct{})}
	d.command.Env = append(os.Environ(), env...)
	d.command.Stderr = stderr
	d.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	stdout, err := d.command.StdoutPipe()
	require.NoError(t, err)
	started := make(chan error)
	go func() {
		// The death signal is sent when the thread that started the process ends, which is with this goroutine, as it is never unlocked.
		runtime.LockOSThread()
		err := d.command.Start()
		started <- err
		if err != nil {
			return
		}
		reader := bufio.NewReader(stdout)
		first, _ := reader.ReadString('\n')
		d.ready <- first
		_, _ = io.Copy(io.Discard, reader)
		_ = d.command.Wait() // how it ended is seen by what it did
		close(d.done)
	}()
	require.NoError(t, <-started)
	_ = stderr.Close() // the process has its own
	d.PID = d.command.Process.Pid
	t.Cleanup(func() { d.Stop(t) })
	return d
}

// Start launches a program and decodes its one line of JSON on stdout, which says that it is ready.
func Start(t testing.TB, ready any, env []string, path string, args ...string) *Daemon {
	t.Helper()
	d := Launch(t, env, path, args...)
	select {
	case first := <-d.ready:
		require.NoError(t, json.Unmarshal([]byte(first), ready), "%s: first line %q, log: %s", path, first, Tail(d.Log))
	case <-time.After(Patience):
		require.FailNow(t, "not ready", "%s, log: %s", path, Tail(d.Log))
	}
	return d
}

// Ready receives one value: the first line on stdout, or nothing when the program ended without one.
func (d *Daemon) Ready() <-chan string { return d.ready }

// Done is closed when the program has ended.
func (d *Daemon) Done() <-chan struct{} { return d.done }

// Ended says whether the program has ended.
func (d *Daemon) Ended() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

// Kill ends the program as a crash does, and returns when it is gone.
func (d *Daemon) Kill() {
	_ = d.command.Process.Kill() // it may have ended
	<-d.done
}

// Stop ends the program in order; it may be called again.
func (d *Daemon) Stop(t testing.TB) {
	_ = d.command.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-d.done:
	case <-time.After(time.Minute):
		_ = d.command.Process.Kill()
		t.Errorf("%s did not stop within a minute of SIGTERM", d.command.Path)
	}
	ExpectNoRaces(t, d.Log)
}

// ExpectNoRaces fails on what the race detector wrote into a program's log.
func ExpectNoRaces(t testing.TB, log string) {
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

// Tail is the end of a file.
func Tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	const most = 8 << 10
	return string(b[max(0, len(b)-most):])
}

// Eventually polls until the condition holds.
func Eventually(t testing.TB, what string, condition func() (bool, string)) {
	t.Helper()
	var state string
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		var ok bool
		if ok, state = condition(); ok {
			return
		}
	}
	require.FailNow(t, what, "last state: %s", state)
}
