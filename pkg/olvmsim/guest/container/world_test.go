//go:build linux

package container_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/guest/container"
)

const (
	bootArgument   = "boot-guest"
	victimArgument = "run-victim"
	inVMArgument   = "run-in-vm"
	patience       = 2 * time.Minute
)

// TestMain lets the test program be the first process of guests, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case bootArgument:
			fmt.Println("boot:", container.Boot())
			os.Exit(1)
		case victimArgument:
			os.Exit(runVictim(os.Args[2], os.Args[3]))
		case inVMArgument:
			os.Exit(runInVM(os.Args[2], os.Args[3:]))
		}
	}
	os.Exit(m.Run())
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: container guests need namespaces, mounts and cgroups")
	}
}

// smallImage is an image whose operating system is testdata/machine. It has the versions v1 and v2.
func smallImage(t *testing.T) container.Image {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o755))
	}
	write("image.json", `{"versions":["v1","v2"]}`)
	write("versions/v1/kubernetes", "v1")
	write("versions/v2/kubernetes", "v2")
	write("root/etc/hosts", "127.0.0.1 localhost\n")
	for _, name := range []string{"mnt", "proc", "sys", "dev", "run", "tmp", "var/lib"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "root", name), 0o755))
	}
	program, err := machineProgram()
	require.NoError(t, err)
	write("root/usr/lib/systemd/systemd", program)
	write("root/usr/bin/ignition", program)
	image, err := container.OpenImage(dir)
	require.NoError(t, err)
	return image
}

// machineProgram is testdata/machine, built once.
var machineProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "machine-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-trimpath", "-o", dir, "./testdata/machine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build testdata/machine: %w: %s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "machine"))
	return string(program), err
})

// world is Guests, and a console for each VM.
type world struct {
	*container.Guests
	t *testing.T
}

func newWorld(t *testing.T, image container.Image) *world {
	t.Helper()
	guests, err := container.New(container.Options{
		Image: image, Gateways: container.DefaultGateways(), Program: []string{"/proc/self/exe", bootArgument},
	})
	if err != nil && strings.Contains(err.Error(), "cgroup hierarchy") {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(guests.Close)
	return &world{guests, t}
}

// vm is one as the simulator would start it.
type vm struct {
	olvmsim.GuestVM
	console *lines
	halted  chan struct{}
}

func newVM(number int, document string) *vm {
	v := &vm{console: &lines{}, halted: make(chan struct{}, 8)}
	v.GuestVM = olvmsim.GuestVM{
		ID: fmt.Sprintf("%08d-1111-4222-8333-444455556666", number), Name: fmt.Sprintf("node%d", number), UserData: []byte(document),
		MACs: []string{fmt.Sprintf("56:6f:00:00:00:%02x", number)}, Console: v.console, Halted: func() { v.halted <- struct{}{} },
	}
	return v
}

func (w *world) start(v *vm) {
	w.t.Helper()
	require.NoError(w.t, w.Start(w.t.Context(), v.GuestVM), v.console.String())
}

func (v *vm) waitHalted(t *testing.T) {
	t.Helper()
	select {
	case <-v.halted:
	case <-time.After(patience):
		require.FailNow(t, "the VM does not halt", v.console.String())
	}
}

func eventually(t *testing.T, what string, condition func() bool, state func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			require.FailNow(t, what, state())
		}
	}
}

func (v *vm) waitConsole(t *testing.T, text string) {
	t.Helper()
	eventually(t, "the console does not say "+text, func() bool { return strings.Contains(v.console.String(), text) }, v.console.String)
}

// say connects to a guest and returns what it answers.
func (w *world) say(address, text string) (string, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	connection, err := w.Dial(ctx, net.JoinHostPort(address, "7"))
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	return converse(connection, text)
}

func converse(connection net.Conn, text string) (string, error) {
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(connection, text); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(connection).ReadString('\n')
	return strings.TrimSpace(answer), err
}

// throughProxy opens a connection as an HTTP client would that has the proxy in its environment.
func (w *world) throughProxy(address string) (net.Conn, int) {
	w.t.Helper()
	proxy, err := url.Parse(w.Proxy())
	require.NoError(w.t, err)
	connection, err := net.Dial("tcp", proxy.Host)
	require.NoError(w.t, err)
	_, err = fmt.Fprintf(connection, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	require.NoError(w.t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), &http.Request{Method: http.MethodConnect})
	require.NoError(w.t, err)
	return connection, response.StatusCode
}

// lines is a console.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
