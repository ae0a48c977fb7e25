//go:build linux

package container

import (
	"os/exec"
	"runtime"
)

// launcher starts processes that the kernel kills when this process ends, however it ends (PR_SET_PDEATHSIG of prctl(2)), as long as they
// have not become systemd. What counts is the thread that started them, so one thread starts them all and lives until close.
type launcher struct {
	commands chan launch
}

type launch struct {
	command *exec.Cmd
	err     chan error
}

func newLauncher() *launcher {
	l := &launcher{commands: make(chan launch)}
	go func() { // close ends it
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for c := range l.commands {
			c.err <- c.command.Start()
		}
	}()
	return l
}

func (l *launcher) start(command *exec.Cmd) error {
	c := launch{command, make(chan error, 1)}
	l.commands <- c
	return <-c.err
}

// close must be called after all processes have ended.
func (l *launcher) close() { close(l.commands) }
