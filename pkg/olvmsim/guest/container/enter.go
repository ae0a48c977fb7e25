//go:build linux

package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// RunInSegment runs a command in the segment of a process's Guests and waits for it. The command has the machine's files, and the segment's
// network: "localhost" is another one there.
func RunInSegment(ctx context.Context, m Mark, command *exec.Cmd) error {
	file, err := os.Open(m.Segment)
	if err != nil {
		return fmt.Errorf("enter segment: %w", err)
	}
	defer func() { _ = file.Close() }() // it was read only
	return inside(file, func() error { return runHere(ctx, command) })
}

// RunInVM runs a command inside a VM that runs, with its files and among its processes, and waits for it. It must be called once only, by a
// program that ends afterwards: the thread cannot come back.
func RunInVM(ctx context.Context, m Mark, name string, command *exec.Cmd) error {
	id, running, err := findVM(m, name)
	if err != nil {
		return err
	}
	pidfd, err := unix.PidfdOpen(running.PID, 0)
	if err != nil {
		return fmt.Errorf("enter VM %s: %w", name, err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	var groups []string
	for _, group := range m.Groups {
		groups = append(groups, filepath.Join(group, id))
	}
	// What runs in there must be seen in the VM's groups, so they come first. The power being taken away ends this process too.
	if err := enterGroups(groups, os.Getpid()); err != nil {
		return fmt.Errorf("enter VM %s: %w", name, err)
	}
	runtime.LockOSThread()
	// A thread that shares its root directory with others cannot change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("enter VM %s: %w", name, err)
	}
	const all = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP
	if err := unix.Setns(pidfd, all); err != nil {
		return fmt.Errorf("enter VM %s: %w", name, err)
	}
	if err := dropCapabilities(); err != nil {
		return fmt.Errorf("enter VM %s: %w", name, err)
	}
	return runHere(ctx, command)
}

// runHere starts the command from this thread, whose namespaces it gets.
func runHere(ctx context.Context, command *exec.Cmd) error {
	if filepath.Base(command.Path) == command.Path { // it is looked up where the command will run
		path, err := exec.LookPath(command.Path)
		if err != nil {
			return err
		}
		command.Path, command.Err = path, nil
	}
	if err := command.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = command.Process.Signal(unix.SIGTERM) }) // it may have ended
	defer stop()
	return command.Wait()
}

// findVM looks for a VM that runs, by its name or id.
func findVM(m Mark, name string) (id string, _ Running, err error) {
	files, err := filepath.Glob(filepath.Join(m.Dir, "*", runningFile))
	if err != nil {
		return "", Running{}, err
	}
	for _, file := range files {
		var r Running
		raw, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(raw, &r) != nil {
			continue // it has just been switched off
		}
		if id := filepath.Base(filepath.Dir(file)); r.Name == name || id == name {
			return id, r, nil
		}
	}
	return "", Running{}, errors.New("no VM " + name + " runs: olvmsim inventory lists all VMs and their statuses")
}
