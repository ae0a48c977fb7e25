package embedded

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// identity names one process for good. A process id alone does not: the kernel gives it to another process later.
type identity struct {
	PID int `json:"pid"`
	// StartTime is the process's start in clock ticks since boot: field 22 of /proc/PID/stat, see proc_pid_stat(5).
	StartTime uint64 `json:"startTime"`
	// BootID is the kernel's random id of this boot; without it a start time could recur after a reboot.
	BootID string `json:"bootID"`
}

// identify returns the identity of a process that exists, and fs.ErrNotExist for one that does not or that has ended and only
// waits to be reaped.
func identify(pid int) (identity, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return identity{}, fmt.Errorf("process %d: %w", pid, err)
	}
	state, startTime, err := parseStat(stat)
	if err != nil {
		return identity{}, fmt.Errorf("process %d: %w", pid, err)
	}
	if state == "Z" || state == "X" {
		return identity{}, fmt.Errorf("process %d has ended: %w", pid, fs.ErrNotExist)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, fmt.Errorf("boot id: %w", err)
	}
	return identity{PID: pid, StartTime: startTime, BootID: strings.TrimSpace(string(boot))}, nil
}

// parseStat reads state and start time. The second field is the program's name in parentheses and may hold spaces and parentheses
// itself, so that fields are counted from the last one.
func parseStat(stat []byte) (state string, startTime uint64, err error) {
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", 0, errors.New("unexpected format of /proc/PID/stat")
	}
	startTime, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return "", 0, fmt.Errorf("start time in /proc/PID/stat: %w", err)
	}
	return fields[0], startTime, nil
}

// alive says whether exactly this process still runs. When that cannot be found out, the answer is no: such a process is never
// signalled, and the lock in its state directory keeps a second one away.
func (i identity) alive() bool {
	now, err := identify(i.PID)
	return err == nil && now == i
}

// signal sends a signal to exactly this process, or returns os.ErrProcessDone. The process is pinned by a file descriptor before its
// identity is compared, so that its id cannot change hands in between.
func (i identity) signal(s os.Signal) error {
	p, err := os.FindProcess(i.PID)
	if err != nil {
		return fmt.Errorf("process %d: %w", i.PID, err)
	}
	defer func() { _ = p.Release() }()
	if !i.alive() {
		return os.ErrProcessDone
	}
	return p.Signal(s)
}
