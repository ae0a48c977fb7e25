//go:build linux

package container_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ocne-project/ocne/pkg/olvmsim/guest/container"
)

func TestAVMKeepsItsDiskFromRunToRun(t *testing.T) {
	w := newWorld(t, smallImage(t))
	v := newVM(1, "192.0.2.11")
	w.start(v)
	v.waitConsole(t, "machine: boot I kubernetes v1 as "+v.ID)
	require.Contains(t, w.Addresses(v.ID), "192.0.2.11", "as the document says")
	w.Stop(v.ID)
	require.Empty(t, w.Addresses(v.ID))
	require.Empty(t, v.halted, "it did not halt by itself")

	v.UserData = []byte("bad") // Ignition runs once only
	w.start(v)
	v.waitConsole(t, "machine: boot II ")
	w.Stop(v.ID)
	w.Remove(v.ID)

	v.UserData = nil
	w.start(v)
	eventually(t, "a removed VM has no disk any more", func() bool { return strings.Count(v.console.String(), "machine: boot I ") == 2 }, v.console.String)
}

func TestPowerOfAGuest(t *testing.T) {
	w := newWorld(t, smallImage(t))
	v := newVM(1, "192.0.2.11")
	w.start(v)
	v.waitConsole(t, "machine: boot I ")
	require.ErrorContains(t, w.Start(t.Context(), v.GuestVM), "it is running")

	w.Shutdown(v.ID)
	v.waitHalted(t)
	require.Contains(t, v.console.String(), "machine: power button")
	w.Shutdown(v.ID) // nobody hears it
	w.Stop(v.ID)

	w.start(v)
	v.waitConsole(t, "machine: boot II ")
	_, err := w.say("192.0.2.11", "reboot")
	require.Error(t, err)
	v.waitConsole(t, "machine: boot III ")
	require.Empty(t, v.halted, "a reboot leaves the VM up")
	require.Contains(t, w.Addresses(v.ID), "192.0.2.11")

	_, err = w.say("192.0.2.11", "die")
	require.Error(t, err)
	v.waitHalted(t)
	w.Stop(v.ID)
}

func TestAGuestThatDoesNotBootLeavesItsVMUp(t *testing.T) {
	w := newWorld(t, smallImage(t))
	v := newVM(1, "bad")
	require.ErrorContains(t, w.Start(t.Context(), v.GuestVM), "Ignition: stage files failed")
	require.Contains(t, v.console.String(), "ignition: this document is bad")
	w.Shutdown(v.ID)
	require.Empty(t, v.halted)
	w.Stop(v.ID)

	v.UserData = []byte("192.0.2.11")
	w.start(v) // Ignition runs until it has succeeded
	v.waitConsole(t, "machine: boot I ")
	w.Stop(v.ID)

	other := newVM(2, "192.0.2.12")
	other.KubernetesVersion = "v3"
	require.ErrorContains(t, w.Start(t.Context(), other.GuestVM), "the node image has no Kubernetes v3, but v1, v2")
	w.Stop(other.ID)
	other.KubernetesVersion = "v2"
	w.start(other)
	other.waitConsole(t, "kubernetes v2")
}

func TestVMsAreOnOneSegmentThatOnlyTheProxyLeadsInto(t *testing.T) {
	w := newWorld(t, smallImage(t))
	for i, address := range []string{"192.0.2.11", "192.0.2.12"} {
		v := newVM(i+1, address)
		w.start(v)
		v.waitConsole(t, "machine: boot I ")
		answer, err := w.say(address, "hello")
		require.NoError(t, err)
		require.Equal(t, "you said hello", answer)
	}
	connection, status := w.throughProxy("192.0.2.12:7")
	require.Equal(t, http.StatusOK, status)
	answer, err := converse(connection, "hello")
	require.NoError(t, err)
	require.Equal(t, "you said hello", answer)
	require.NoError(t, connection.Close())

	connection, status = w.throughProxy("192.0.2.11:8")
	require.Equal(t, http.StatusBadGateway, status, "nobody listens there")
	require.NoError(t, connection.Close())
	connection, status = w.throughProxy("localhost:8")
	require.Equal(t, http.StatusBadGateway, status, "there is no DNS")
	require.NoError(t, connection.Close())

	listener, err := w.ListenEngine("8443")
	require.NoError(t, err)
	require.Equal(t, "192.0.2.1:8443", listener.Addr().String())
	require.NoError(t, listener.Close())
}

func TestAGuestDoesNotReachTheMachine(t *testing.T) {
	before := settings(t)
	w := newWorld(t, smallImage(t))
	v := newVM(1, "192.0.2.11")
	w.start(v)
	v.waitConsole(t, "machine: boot I ")
	answer, err := w.say("192.0.2.11", "escape")
	require.NoError(t, err)
	require.Equal(t, "panic=77 ip_forward=1", answer, "a private file, and its own network")
	require.Equal(t, before, settings(t))
}

// settings are some of the machine's.
func settings(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range []string{"kernel/panic", "vm/swappiness", "vm/overcommit_memory", "net/ipv4/ip_forward", "fs/protected_symlinks", "kernel/hostname"} {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		require.NoError(t, err)
		all = append(all, name+"="+string(value))
	}
	return all
}

func TestNothingIsLeft(t *testing.T) {
	image := smallImage(t)
	newWorld(t, image).Close() // what a killed test left goes first
	before := machine(t)
	w := newWorld(t, image)
	for i := range 3 {
		v := newVM(i+1, "192.0.2.11")
		w.start(v)
		v.waitConsole(t, "machine: boot I ")
	}
	require.NotEqual(t, before, machine(t))
	w.Close()
	require.Equal(t, before, machine(t))
	require.ErrorContains(t, w.Start(t.Context(), newVM(1, "").GuestVM), "the guests are closed")
}

func TestWhatAKilledProcessLeftIsRemoved(t *testing.T) {
	t.Run("at once", func(t *testing.T) { killVictim(t, true) })
	t.Run("by the next start, when its watcher was killed too", func(t *testing.T) { killVictim(t, false) })
}

func killVictim(t *testing.T, watched bool) {
	t.Helper()
	image := smallImage(t)
	newWorld(t, image).Close()
	before := machine(t)
	dir := filepath.Join(t.TempDir(), "guests")
	victim := exec.Command("/proc/self/exe", victimArgument, image.Dir(), dir)
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	ready := make([]byte, 6)
	_, err = out.Read(ready)
	require.NoError(t, err)
	require.Equal(t, "ready\n", string(ready))
	marks, err := container.Marks()
	require.NoError(t, err)
	mine := markOf(marks, victim.Process.Pid)
	require.NotNil(t, mine)
	guest := inGroups(t, mine.Groups)
	require.NotEmpty(t, guest, "the guest's processes")

	if !watched {
		require.NoError(t, unix.Kill(watcherOf(t, victim.Process.Pid), unix.SIGKILL))
	}
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait())
	eventually(t, "guests end with their simulator", func() bool { return len(inGroups(t, mine.Groups)) == 0 },
		func() string { return strings.Join(inGroups(t, mine.Groups), " ") })
	if !watched {
		require.DirExists(t, dir)
		require.NotEqual(t, before, machine(t), "empty cgroups, the mark")
		newWorld(t, image).Close()
	}
	eventually(t, "nothing is left", func() bool { return slices.Equal(before, machine(t)) },
		func() string { return strings.Join(machine(t), "\n") })
	require.NoDirExists(t, dir)
}

// watcherOf finds the process that watches another.
func watcherOf(t *testing.T, pid int) int {
	t.Helper()
	children, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range children {
		environment, _ := os.ReadFile(file) // it may have ended
		status, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "status"))
		if strings.HasPrefix(string(environment), "OLVMSIM_WATCH=1") && strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", pid)) {
			watcher, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			require.NoError(t, err)
			return watcher
		}
	}
	require.FailNow(t, "nobody watches")
	return 0
}

func markOf(marks []container.Mark, pid int) *container.Mark {
	for _, m := range marks {
		if m.PID == pid {
			return &m
		}
	}
	return nil
}

// runVictim is a process with a guest, to be killed.
func runVictim(image, dir string) int {
	opened, err := container.OpenImage(image)
	if err != nil {
		return 1
	}
	guests, err := container.New(container.Options{Image: opened, Dir: dir, Program: []string{"/proc/self/exe", bootArgument}})
	if err != nil {
		return 1
	}
	if err := guests.Start(context.Background(), newVM(1, "192.0.2.11").GuestVM); err != nil {
		return 1
	}
	_, _ = os.Stdout.WriteString("ready\n")
	select {}
}

// machine is what guests could leave: processes and groups by name, mounts, NICs, marks.
func machine(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{
		"/sys/fs/cgroup/*/olvmsim-*", "/sys/fs/cgroup/*/*/olvmsim-*", "/sys/fs/cgroup/*/*/*/olvmsim-*", "/run/olvmsim/*",
		os.TempDir() + "/olvmsim-guests-*",
	} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		all = append(all, found...)
	}
	for _, file := range []string{"/proc/self/mounts", "/proc/net/dev"} {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(raw)) {
			all = append(all, strings.TrimRight(strings.Join(strings.Fields(line)[:2], " "), "0123456789")) // without the bytes received
		}
	}
	return all
}

// inGroups lists the processes of groups and of those below.
func inGroups(t *testing.T, groups []string) (pids []string) {
	t.Helper()
	for _, group := range groups {
		err := filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.Name() != "cgroup.procs" {
				if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
					return nil
				}
				return err
			}
			raw, _ := os.ReadFile(path)
			pids = append(pids, strings.Fields(string(raw))...)
			return nil
		})
		require.NoError(t, err)
	}
	return pids
}
