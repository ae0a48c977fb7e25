package e2e

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// machine is what the programs of a world could change on the machine that they run on, each thing in one line. It leaves out what belongs
// to simulators of others that run.
type machine map[string]bool

// observe looks at the machine.
func (w *world) observe() machine {
	m := machine{}
	w.observeProcesses(m)
	m.addLines("mount", "/proc/self/mountinfo", func(line string) string { return strings.Join(strings.Fields(line)[3:5], " ") })
	w.observeLoopDevices(m)
	m.addFiles("network namespace", "/run/netns/*")
	m.addFiles("file", "/run/*")
	for _, name := range []string{"olvmsim", "ocne", "settings-"} {
		m.addFiles("file", filepath.Join(os.TempDir(), name+"*"))
		m.addFiles("file", filepath.Join("/tmp", name+"*"))
	}
	w.observeGroups(m)
	for _, file := range glob("/run/olvmsim/*.json") {
		if !w.ofOthers(file) {
			m["mark "+file] = true
		}
	}
	interfaces, err := net.Interfaces()
	require.NoError(w.t, err)
	for _, i := range interfaces {
		m["network interface "+i.Name] = true
	}
	for _, name := range []string{
		"fs/protected_hardlinks", "fs/protected_symlinks", "fs/protected_regular", "fs/protected_fifos", "fs/inotify/max_user_instances",
		"kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "vm/overcommit_memory", "vm/panic_on_oom", "vm/max_map_count",
		"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/netfilter/nf_conntrack_max",
	} {
		m.addLines("setting "+name, "/proc/sys/"+name, strings.TrimSpace)
	}
	return m
}

// observeLoopDevices adds those of files that this world has, or that its VMs are made from: the machine's others come and go.
func (w *world) observeLoopDevices(m machine) {
	files := []string{w.home, w.temporary, os.Getenv(nodeImageVariable)}
	if w.sim != nil {
		files = append(files, w.sim.State)
	}
	for _, device := range glob("/sys/block/loop*/loop/backing_file") {
		raw, _ := os.ReadFile(device) // it may have been detached
		if slices.ContainsFunc(files, func(dir string) bool { return strings.HasPrefix(string(raw), dir) }) {
			m[fmt.Sprintf("loop device %s of %s", device, strings.TrimSpace(string(raw)))] = true
		}
	}
}

func glob(pattern string) []string {
	all, _ := filepath.Glob(pattern) // the patterns are good
	return all
}

func (m machine) addFiles(kind, pattern string) {
	for _, file := range glob(pattern) {
		if file != "/run/olvmsim" { // it is there as long as any simulator is; its content counts
			m[kind+" "+file] = true
		}
	}
}

func (m machine) addLines(kind, file string, of func(line string) string) {
	raw, _ := os.ReadFile(file) // what this kernel does not have cannot change
	for line := range strings.Lines(string(raw)) {
		if text := of(line); text != "" {
			m[kind+" "+text] = true
		}
	}
}

func (w *world) observeGroups(m machine) {
	w.t.Helper()
	require.NoError(w.t, filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it has just gone
		case err != nil:
			return err
		case d.IsDir() && (w.ofOthers(path) || inGroupOfTheMachine(path)):
			return fs.SkipDir
		case d.IsDir() && !w.ofSimulator(path): // its own groups stay as long as it runs; those of VMs are below
			m["cgroup "+path] = true
		}
		return nil
	}))
}

// inGroupOfTheMachine says whether a cgroup is below one that is not a simulator's: whoever has that one makes and removes such groups all the time.
func inGroupOfTheMachine(path string) bool {
	below, err := filepath.Rel("/sys/fs/cgroup", path)
	parts := strings.Split(below, string(filepath.Separator)) // the hierarchy, the group, groups in it
	return err == nil && len(parts) > 2 && simulatorIn(parts[1]) == ""
}

// simulatorIn is the process that a name such as olvmsim-123-456 tells, as cgroups and marks have; empty for other names.
func simulatorIn(path string) string {
	rest, is := strings.CutPrefix(filepath.Base(path), "olvmsim-")
	pid, _, found := strings.Cut(rest, "-")
	if !is || !found {
		return ""
	}
	return pid
}

// ofSimulator says whether a path is named after this world's simulator, and that still runs.
func (w *world) ofSimulator(path string) bool {
	return w.sim != nil && !w.sim.Ended() && simulatorIn(path) == strconv.Itoa(w.sim.PID)
}

// ofOthers says whether a path is named after another simulator that runs.
func (w *world) ofOthers(path string) bool {
	pid := simulatorIn(path)
	if pid == "" || w.sim != nil && pid == strconv.Itoa(w.sim.PID) {
		return false
	}
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

// process is one of the machine's.
type process struct {
	pid  int
	line string
}

func (p process) read(file string) string {
	raw, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.pid), file)) // it may have ended
	return string(raw)
}

// processes are all that are no threads of the kernel.
func processes() (all []process) {
	for _, dir := range glob("/proc/[0-9]*") {
		pid, err := strconv.Atoi(filepath.Base(dir))
		p := process{pid: pid}
		p.line = strings.TrimSpace(strings.ReplaceAll(p.read("cmdline"), "\x00", " "))
		if err != nil || p.line == "" || pid == os.Getpid() {
			continue
		}
		all = append(all, p)
	}
	return all
}

// ours says whether a process was started by the programs of this world: they hand their home directory on, guests have their disks below the
// simulator's directory, and whatever runs in guests is in cgroups that are named after the simulator.
func (w *world) ours(p process) bool {
	for _, file := range []string{"cmdline", "environ", "mountinfo"} {
		if text := p.read(file); strings.Contains(text, w.home) || w.sim != nil && strings.Contains(text, w.sim.State) {
			return true
		}
	}
	return w.sim != nil && strings.Contains(p.read("cgroup"), fmt.Sprintf("/olvmsim-%d-", w.sim.PID))
}

// observeProcesses adds those of this world and their namespaces, which last as long as a process is in them.
func (w *world) observeProcesses(m machine) {
	for _, p := range processes() {
		if !w.ours(p) {
			continue
		}
		m[fmt.Sprintf("process %d: %s", p.pid, p.line)] = true
		for _, kind := range []string{"net", "mnt", "pid", "uts", "ipc", "cgroup"} {
			if id, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", p.pid, kind)); err == nil {
				m[fmt.Sprintf("namespace %s of %s", id, p.line)] = true
			}
		}
	}
}

// expectSame waits until the machine is as it was: the kernel ends processes and their namespaces a little later.
func (w *world) expectSame(before machine) {
	w.t.Helper()
	var differences []string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		differences = difference(before, w.observe())
		if len(differences) == 0 || time.Now().After(deadline) {
			break
		}
	}
	require.Empty(w.t, differences, "left on the machine, or changed there:\n%s", strings.Join(differences, "\n"))
	w.t.Logf("the machine is as it was: %d things compared", len(before))
}

func difference(before, after machine) (all []string) {
	for line := range after {
		if !before[line] && !strings.HasPrefix(line, "namespace") || strings.HasPrefix(line, "namespace") && !before.hasNamespace(line) {
			all = append(all, "new: "+line)
		}
	}
	for line := range before {
		// Others' processes may end; settings and mounts stay.
		if !after[line] && (strings.HasPrefix(line, "setting") || strings.HasPrefix(line, "mount")) {
			all = append(all, "gone: "+line)
		}
	}
	slices.Sort(all)
	return all
}

func (m machine) hasNamespace(line string) bool {
	id, _, _ := strings.Cut(line, " of ")
	for other := range m {
		if strings.HasPrefix(other, id+" of ") {
			return true
		}
	}
	return false
}

// expectEmptyHome looks for what the command line left in the administrator's home directory, and in the one for temporary files, after the
// last cluster was deleted. Backups and their key stay, and a record that names no cluster.
func (w *world) expectEmptyHome() {
	w.t.Helper()
	require.Empty(w.t, w.filesIn(w.temporary, func(string) bool { return false }))
	record := filepath.Join(w.home, ".ocne", "clusters.yaml")
	stays := []string{
		filepath.Join(w.home, "*.yaml"), record, record + ".lock", filepath.Join(w.home, ".ocne", "backup.key"), filepath.Join(w.home, ".ocne", "backups", "*.age"),
	}
	require.Empty(w.t, w.filesIn(w.home, func(path string) bool {
		return slices.ContainsFunc(stays, func(pattern string) bool {
			matches, _ := filepath.Match(pattern, path) // the patterns are good
			return matches
		})
	}))
	if raw, err := os.ReadFile(record); err == nil { // before the first cluster there is none
		require.NotContains(w.t, string(raw), "name:")
	}
}

// expectEmptyState looks for what the simulator that has ended left in its directory: its CA and the consoles of VMs stay.
func (w *world) expectEmptyState() {
	w.t.Helper()
	require.Empty(w.t, w.filesIn(w.sim.State, func(path string) bool {
		return filepath.Ext(path) == ".pem" || filepath.Base(filepath.Dir(path)) == "console"
	}))
}

// filesIn are those below a directory but the ones that may be there.
func (w *world) filesIn(dir string, may func(path string) bool) (all []string) {
	w.t.Helper()
	require.NoError(w.t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !may(path) {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// allowManyNodes raises the one limit of the machine that guests share, for as long as the test runs: nodes of the control plane take 32 of
// root's inotify instances, workers 19, and 128 are usual. Without them a container runtime starts that cannot run containers.
func (w *world) allowManyNodes() {
	w.t.Helper()
	const setting, wanted = "/proc/sys/fs/inotify/max_user_instances", 1024
	raw, err := os.ReadFile(setting)
	require.NoError(w.t, err)
	before, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	require.NoError(w.t, err)
	if before >= wanted {
		return
	}
	w.t.Logf("fs.inotify.max_user_instances is %d, and %d during this test", before, wanted)
	// A shell sets it back when its input ends, which it also does when this process is killed.
	shell := exec.CommandContext(context.WithoutCancel(w.t.Context()), "sh", "-c", "read -r line; printf '%s' \"$1\" >"+setting, "sh", strings.TrimSpace(string(raw)))
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of this process is not one of the shell
	input, err := shell.StdinPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, shell.Start())
	require.NoError(w.t, os.WriteFile(setting, []byte(strconv.Itoa(wanted)), 0))
	w.t.Cleanup(func() {
		require.NoError(w.t, input.Close())
		_ = shell.Wait() // read fails at the end of the input, and what counts comes after it
	})
}

// end ends what still runs of a world whose test has failed.
func (w *world) end() {
	for _, p := range processes() {
		if w.ours(p) {
			w.t.Logf("still runs, and is ended: %d %s", p.pid, p.line)
			_ = syscall.Kill(p.pid, syscall.SIGKILL) // it may have ended
		}
	}
}
