//go:build linux

package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// watchVariable is in the environment of a process that Options.Program starts to watch instead of to boot.
const watchVariable = "OLVMSIM_WATCH"

// watcher is a process that removes what is left as soon as this process is killed. The kernel alone does not: it ends guests that are on
// their way to systemd (PR_SET_PDEATHSIG), but that signal is forgotten when a process changes its credentials, as systemd does.
type watcher struct {
	command *exec.Cmd
	// alive is the end of a pipe that closes with this process, however it ends.
	alive *os.File
}

func startWatcher(program []string) (*watcher, error) {
	theirs, alive, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start watcher: %w", err)
	}
	command := exec.CommandContext(context.Background(), program[0], program[1:]...) // close ends it
	command.Stdin = theirs
	command.Env = []string{watchVariable + "=1"}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what a terminal sends to this process's group is not for it
	err = command.Start()
	_ = theirs.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start watcher: %w", err), alive.Close())
	}
	return &watcher{command, alive}, nil
}

// close is called when there is nothing left to remove.
func (w *watcher) close() {
	_ = w.alive.Close()
	_ = w.command.Wait()
}

// watch waits for the end of the process that started this one, and removes what it left.
func watch(parent io.Reader) error {
	pid := os.Getppid()
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP) // it ends with the parent, after it
	_, _ = io.Copy(io.Discard, parent)
	// The pipe is closed a little before the process has ended.
	const patience = 10 * time.Second
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := removeLeftovers()
		if err == nil {
			err = stillMarked(pid)
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func stillMarked(pid int) error {
	marks, err := readMarks()
	for _, m := range marks {
		if m.PID == pid {
			return fmt.Errorf("process %d has not ended", pid)
		}
	}
	return err
}
