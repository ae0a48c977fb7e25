//go:build linux

package container

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

const threadNetwork = "/proc/thread-self/ns/net"

// newNamespace makes a network namespace. It is there as long as the file is open, or something runs in it.
func newNamespace() (file *os.File, err error) {
	runtime.LockOSThread()
	origin, err := os.Open(threadNetwork)
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer func() { _ = origin.Close() }() // it was read only
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, fmt.Errorf("make network namespace: %w", err)
	}
	defer leave(origin)
	return os.Open(threadNetwork)
}

// leave brings the thread back. When it cannot, the thread stays locked and ends with its goroutine.
func leave(origin *os.File) {
	if setNamespace(origin) == nil {
		runtime.UnlockOSThread()
	}
}

// inside calls f on a thread that is in the network namespace. Sockets that f makes belong to it for ever.
func inside(namespace *os.File, f func() error) error {
	runtime.LockOSThread()
	origin, err := os.Open(threadNetwork)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() { _ = origin.Close() }()
	if err := setNamespace(namespace); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace: %w", err)
	}
	defer leave(origin)
	return f()
}

func setNamespace(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Setns(int(fd), unix.CLONE_NEWNET) }); err != nil {
		return err
	}
	return failed
}
