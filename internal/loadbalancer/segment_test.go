package loadbalancer_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A segment is a bridge in a network namespace of its own. Nodes on it have their own network, mount and process namespaces, and a root that
// lies over the machine's, so that the programs run with the very files of the document and the machine keeps its own.
//
// Everything ends with the first process of a namespace, and that ends when its standard input does: also when this test is killed.
const holder = `set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 node "$1"
mkdir "$1/up" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" node "$1/root"
cd "$1/root"
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=755 run run
mount -t tmpfs tmp tmp
ip link set lo up
exec chroot . /bin/bash -c 'echo ready; while read -r _; do :; done'
`

type namespace struct {
	t    *testing.T
	name string
	dir  string
	init *exec.Cmd
	stop io.Closer // its standard input
}

func newNamespace(t *testing.T, name string) *namespace {
	t.Helper()
	n := &namespace{t: t, name: name, dir: t.TempDir()}
	n.init = exec.Command("bash", "-c", holder, name, n.dir)
	n.init.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
	stdin, err := n.init.StdinPipe()
	require.NoError(t, err)
	stdout, err := n.init.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	n.init.Stderr, n.stop = &stderr, stdin
	require.NoError(t, n.init.Start())
	t.Cleanup(n.kill)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		n.kill()
		require.NoError(t, err, "%s: %s", name, stderr.String())
	}
	require.Equal(t, "ready\n", line)
	return n
}

// kill is a power failure: everything in the namespaces goes at once.
func (n *namespace) kill() {
	if n.init.ProcessState != nil {
		return
	}
	_ = n.init.Process.Kill()
	_ = n.stop.Close()
	_ = n.init.Wait()
}

func (n *namespace) pid() string { return strconv.Itoa(n.init.Process.Pid) }

// path is a file of the namespace, as this process reaches it.
func (n *namespace) path(name string) string { return filepath.Join("/proc", n.pid(), "root", name) }

func (n *namespace) write(name, text string, mode os.FileMode) {
	n.t.Helper()
	require.NoError(n.t, os.MkdirAll(filepath.Dir(n.path(name)), 0o755))
	require.NoError(n.t, os.WriteFile(n.path(name), []byte(text), mode))
}

func (n *namespace) read(name string) string {
	n.t.Helper()
	text, err := os.ReadFile(n.path(name))
	if !os.IsNotExist(err) {
		require.NoError(n.t, err)
	}
	return string(text)
}

func (n *namespace) exists(name string) bool {
	_, err := os.Stat(n.path(name))
	return err == nil
}

// enter is a command inside the namespace, with its root.
func (n *namespace) enter(args ...string) *exec.Cmd {
	all := append([]string{"--target", n.pid(), "--mount", "--net", "--pid", "--root", "--wd"}, args...)
	command := exec.Command("nsenter", all...)
	command.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	return command
}

func (n *namespace) run(args ...string) (string, error) {
	out, err := n.enter(args...).CombinedOutput()
	return string(out), err
}

func (n *namespace) must(args ...string) string {
	n.t.Helper()
	out, err := n.run(args...)
	require.NoError(n.t, err, "%s: %s: %s", n.name, strings.Join(args, " "), out)
	return out
}

// ip configures the network. It knows this process's numbers of processes, as it stays in its process namespace.
func (n *namespace) ip(line string, args ...any) {
	n.t.Helper()
	all := append([]string{"--target", n.pid(), "--net", "ip"}, strings.Fields(fmt.Sprintf(line, args...))...)
	out, err := exec.CommandContext(n.t.Context(), "nsenter", all...).CombinedOutput()
	require.NoError(n.t, err, "%s: ip %s: %s", n.name, fmt.Sprintf(line, args...), out)
}

// daemon is a process that goes on inside a namespace.
type daemon struct {
	command *exec.Cmd
	log     *os.File
}

// start runs a program; its output is shown when the test fails.
func (n *namespace) start(command *exec.Cmd) daemon {
	n.t.Helper()
	name := filepath.Base(command.Args[len(command.Args)-1])
	log, err := os.CreateTemp(n.t.TempDir(), "log")
	require.NoError(n.t, err)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(n.t, command.Start())
	d := daemon{command, log}
	n.t.Cleanup(func() {
		d.kill()
		if n.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			n.t.Logf("%s: %s:\n%s", n.name, name, text)
		}
		log.Close()
	})
	return d
}

// kill ends the program and its children with SIGKILL.
func (d daemon) kill() {
	if d.command.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-d.command.Process.Pid, syscall.SIGKILL)
	_ = d.command.Wait()
}
