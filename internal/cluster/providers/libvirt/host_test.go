package libvirt

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestURIsSayWhichDaemonIsMeant(t *testing.T) {
	getenv := func(name string) string {
		return map[string]string{"XDG_RUNTIME_DIR": "/run/user/1000", "HOME": "/home/user"}[name]
	}
	for uri, socket := range map[string]string{
		"":                                      "/run/user/1000/libvirt/libvirt-sock",
		"qemu:///session":                       "/run/user/1000/libvirt/libvirt-sock",
		"qemu:///system":                        "/var/run/libvirt/libvirt-sock",
		"qemu+unix:///system":                   "/var/run/libvirt/libvirt-sock",
		"qemu:///session?socket=/tmp/some.sock": "/tmp/some.sock",
	} {
		e, err := parseURI(uri, getenv)
		require.NoError(t, err, uri)
		require.Equal(t, socket, e.sockets[0], uri)
	}
	e, err := parseURI("qemu:///session", func(name string) string { return map[string]string{"HOME": "/home/user"}[name] })
	require.NoError(t, err)
	require.Equal(t, "/home/user/.cache/libvirt/libvirt-sock", e.sockets[0])
	for _, uri := range []string{"user@host", "qemu+ssh://host/system", "xen:///system", "qemu:///", "qemu://host/system", "://"} {
		_, err := parseURI(uri, getenv)
		require.ErrorIs(t, err, ErrUnsupportedURI, uri)
	}
}

func TestAMissingDaemonIsSaidWithWhatToDo(t *testing.T) {
	directory := t.TempDir()
	_, err := open(t.Context(), Connection{URI: "qemu:///system?socket=" + directory + "/none"})
	requireAdvice(t, err, ErrNoDaemon, "systemctl enable --now")
	listener, err := net.Listen("unix", filepath.Join(directory, "dead"))
	require.NoError(t, err)
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, listener.Close())
	_, err = open(t.Context(), Connection{URI: "qemu:///session?socket=" + directory + "/dead"})
	requireAdvice(t, err, ErrNoDaemon, "virsh --connect qemu:///session version")
}

func requireAdvice(t *testing.T, err, kind error, advice string) {
	t.Helper()
	require.ErrorIs(t, err, kind)
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.Contains(t, problem.Remedy, advice)
}

func TestAMissingPermissionIsSaidWithWhatToDo(t *testing.T) {
	d := systemDaemon(t)
	require.NoError(t, os.Chmod("/run/libvirt/libvirt-sock", 0o700))
	t.Cleanup(func() { require.NoError(t, os.Chmod("/run/libvirt/libvirt-sock", 0o777)) })
	asUser(t, ordinaryUser(t), func() {
		_, err := open(t.Context(), d.Connection)
		requireAdvice(t, err, ErrNoPermission, "usermod --append --groups libvirt")
	})
}

// asUser does something with the rights of a user. Only this thread gets them.
func asUser(t *testing.T, who *syscall.Credential, do func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	change := func(uid uintptr) {
		_, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, ^uintptr(0), uid, ^uintptr(0))
		require.Zero(t, errno)
	}
	change(uintptr(who.Uid))
	defer change(0)
	do()
}

// A daemon that accepts and says nothing.
func TestADaemonThatHangsIsNotWaitedForLongerThanTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = open(ctx, Connection{URI: "qemu:///system?socket=" + path})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// sessionDaemon starts the libvirtd of a user without rights.
func sessionDaemon(t *testing.T) (daemon, map[string]string) {
	t.Helper()
	systemDaemon(t)
	who := ordinaryUser(t)
	home, run := "/run/user/home", "/run/user/run" // short, because of the sockets in them
	for _, directory := range []string{home, run} {
		require.NoError(t, os.MkdirAll(directory, 0o755))
		require.NoError(t, os.Chown(directory, int(who.Uid), int(who.Gid)))
	}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll("/run/user")) })
	env := map[string]string{"HOME": home, "XDG_RUNTIME_DIR": run}
	d := daemon{Connection{URI: "qemu:///session", Getenv: func(name string) string { return env[name] }}}
	var log bytes.Buffer
	program := exec.Command("libvirtd")
	program.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + run}
	program.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	program.Stdout, program.Stderr = &log, &log
	program.WaitDelay = time.Second // its own children may hold the pipe
	require.NoError(t, program.Start())
	t.Cleanup(func() {
		_ = program.Process.Kill()
		_ = program.Wait() // it says that it was killed
		if t.Failed() {
			t.Logf("libvirtd of the user: %s", &log)
		}
	})
	d.await(t)
	t.Cleanup(func() { d.clear(t) })
	return d, env
}

func TestASessionHasOneNodeWithUserModeNetworking(t *testing.T) {
	d, env := sessionDaemon(t)
	o := d.tinyOptions(t, "demo")
	o.WorkerNodes = 1
	requireAdvice(t, create(t, o, tinyDocument), ErrTooManyNodes, "qemu:///system")

	o.WorkerNodes = 0
	require.NoError(t, create(t, o, tinyDocument))
	d.awaitConsole(t, "demo-control-plane-1", `"address":"10.0.2.15/24","device":"enp0s16"`)
	c, err := Info(t.Context(), d.Connection, "demo")
	require.NoError(t, err)
	conn, err := net.Dial("tcp", c.Server)
	require.NoError(t, err, "QEMU listens there")
	require.NoError(t, conn.Close())

	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	// libvirt keeps the log of every QEMU for its administrator.
	left, err := exec.Command("find", env["HOME"], "-name", "*demo*", "-not", "-path", "*/qemu/log/*").CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(left))
}
