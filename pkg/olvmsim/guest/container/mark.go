//go:build linux

package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// marksDir holds a mark of each process that has Guests. It is where run-time files are (hier(7)), and empty after a boot of the machine.
const marksDir = "/run/olvmsim"

// Mark tells others what belongs to the Guests of a process: so that programs can enter their segment and their VMs, and so that what a
// killed process left can be removed.
type Mark struct {
	PID int `json:"pid"`
	// StartTime is when the process started, in clock ticks since the machine booted: process ids are used again.
	StartTime uint64 `json:"startTime"`
	// Dir holds the disks. It is removed with the mark.
	Dir string `json:"dir"`
	// Groups are the cgroups in which those of the VMs are.
	Groups []string `json:"groups"`
	// Segment is the network namespace of the segment, and Proxy the URL of the proxy into it.
	Segment string `json:"segment,omitempty"`
	Proxy   string `json:"proxy,omitempty"`
}

func newMark(dir string, all []hierarchy) (Mark, error) {
	pid := os.Getpid()
	started, err := startTime(pid)
	if err != nil {
		return Mark{}, err
	}
	m := Mark{PID: pid, StartTime: started, Dir: dir}
	m.Groups = groupDirs(all, m.group())
	return m, nil
}

// group is the name of the cgroups.
func (m Mark) group() string { return fmt.Sprintf("olvmsim-%d-%d", m.PID, m.StartTime) }

func (m Mark) path() string { return filepath.Join(marksDir, m.group()+".json") }

func (m Mark) write() error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	if err := os.MkdirAll(marksDir, 0o700); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	unfinished := m.path() + ".new"
	if err := os.WriteFile(unfinished, raw, 0o600); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	return os.Rename(unfinished, m.path())
}

// alive says whether the process that made the mark still runs.
func (m Mark) alive() bool {
	started, err := startTime(m.PID)
	return err == nil && started == m.StartTime
}

// remove ends what still runs of the mark's guests and removes what it tells of. Whoever calls it holds the marks' lock, or is the process
// that made the mark.
func (m Mark) remove() error {
	err := errors.Join(removeGroups(m.Groups), os.RemoveAll(m.Dir))
	if err != nil {
		return err
	}
	if err := os.Remove(m.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = os.Remove(marksDir) // others' marks may be there
	return nil
}

// Marks are those of all processes that run and have Guests.
func Marks() (alive []Mark, err error) {
	all, err := readMarks()
	for _, m := range all {
		if m.alive() {
			alive = append(alive, m)
		}
	}
	return alive, err
}

func readMarks() (all []Mark, err error) {
	files, err := filepath.Glob(filepath.Join(marksDir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read mark: %w", err)
		}
		var m Mark
		if err := json.Unmarshal(raw, &m); err != nil || m.path() != file {
			return nil, fmt.Errorf("read mark %s: it is not one of olvmsim's", file)
		}
		all = append(all, m)
	}
	return all, nil
}

// lockMarks keeps two processes from removing the same: the directory of disks may be used again at once.
func lockMarks() (unlock func(), err error) {
	dir, err := os.Open(marksDir)
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // there are no marks
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", marksDir, err), dir.Close())
	}
	return func() { _ = dir.Close() }, nil // which unlocks it
}

// removeLeftovers removes what processes left that were killed.
func removeLeftovers() error {
	unlock, err := lockMarks()
	if err != nil {
		return err
	}
	defer unlock()
	all, err := readMarks()
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.alive() {
			continue
		}
		if err := m.remove(); err != nil {
			return fmt.Errorf("remove what the killed process %d left: %w", m.PID, err)
		}
	}
	return nil
}

// startTime reads field 22 of /proc/PID/stat (proc_pid_stat(5)). The second field, in parentheses, may hold anything.
func startTime(pid int) (uint64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read start time of process %d: %w", pid, err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const state, started = 3, 22 // fields are counted from 1; the first one here is the state
	if len(fields) <= started-state || fields[0] == "Z" {
		return 0, fmt.Errorf("read start time of process %d: it has ended", pid)
	}
	return strconv.ParseUint(fields[started-state], 10, 64)
}
