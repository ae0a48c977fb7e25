//go:build linux

package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchy is one of the machine's cgroup hierarchies.
type hierarchy struct {
	// Name is as in /proc/self/cgroup: controllers, "name=systemd", or nothing for that of version 2.
	Name string
	// Own is the directory of this process's group. Guests are below it, so that its limits are theirs as well.
	Own string
}

// required are the controllers without which a node does not run.
func required() []string { return []string{"name=systemd", "cpu", "memory"} }

// ownHierarchies finds the hierarchies that are mounted.
func ownHierarchies() ([]hierarchy, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("find cgroups: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find cgroups: %w", err)
	}
	all := parseHierarchies(string(groups), string(mounts))
	for _, name := range required() {
		if !slices.ContainsFunc(all, func(h hierarchy) bool { return slices.Contains(strings.Split(h.Name, ","), name) }) {
			return nil, fmt.Errorf("container guests need the cgroup hierarchy %s of version 1, which is not mounted here: "+
				"boot the machine with systemd.unified_cgroup_hierarchy=0", name)
		}
	}
	return all, nil
}

// parseHierarchies joins the lines ID:NAME:GROUP of /proc/self/cgroup with the mounts (proc_pid_mountinfo(5)).
func parseHierarchies(groups, mounts string) (all []hierarchy) {
	for line := range strings.Lines(groups) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		name, group, ok := strings.Cut(rest, ":")
		if !ok {
			continue
		}
		for mount := range strings.Lines(mounts) {
			before, after, _ := strings.Cut(mount, " - ")
			where, what := strings.Fields(before), strings.Fields(after)
			if len(where) < 5 || len(what) < 3 || !isHierarchy(name, what[0], strings.Split(what[2], ",")) {
				continue
			}
			if root := where[3]; root != "/" {
				group = strings.TrimPrefix(group, root)
			}
			all = append(all, hierarchy{Name: name, Own: filepath.Join(where[4], group)})
			break
		}
	}
	return all
}

func isHierarchy(name, kind string, options []string) bool {
	if name == "" {
		return kind == "cgroup2"
	}
	return kind == "cgroup" && !slices.ContainsFunc(strings.Split(name, ","), func(part string) bool { return !slices.Contains(options, part) })
}

// makeGroups makes a group of the name, which may have several parts, in each hierarchy.
func makeGroups(all []hierarchy, name string) error {
	for _, h := range all {
		dir := h.Own
		for _, part := range strings.Split(name, "/") {
			parent := dir
			dir = filepath.Join(dir, part)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as all groups are
				return fmt.Errorf("make cgroup: %w", err)
			}
			if err := allowAll(parent, dir); err != nil {
				return fmt.Errorf("make cgroup: %w", err)
			}
		}
	}
	return nil
}

// allowAll gives a new group of the controller cpuset what its parent has: it takes no process before.
func allowAll(parent, group string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(group, file), value, 0); err != nil { //nolint:gosec // the kernel made both files
			return err
		}
	}
	return nil
}

// enterGroups moves a process into the group of the name in each hierarchy.
func enterGroups(dirs []string, pid int) error {
	for _, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			return fmt.Errorf("enter cgroup: %w", err)
		}
	}
	return nil
}

func groupDirs(all []hierarchy, name string) (dirs []string) {
	for _, h := range all {
		dirs = append(dirs, filepath.Join(h.Own, name))
	}
	return dirs
}

// removeGroups removes groups with all below them, and kills what is still in there.
func removeGroups(dirs []string) (err error) {
	for _, dir := range dirs {
		err = errors.Join(err, removeGroup(dir))
	}
	return err
}

func removeGroup(dir string) error {
	const patience = 10 * time.Second // a killed process leaves its group a little later
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := tryRemoveGroup(dir)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func tryRemoveGroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove cgroup: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := tryRemoveGroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	processes, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs")) // gone, or empty
	for _, field := range strings.Fields(string(processes)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	return nil
}
