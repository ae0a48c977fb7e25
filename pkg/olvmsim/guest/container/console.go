//go:build linux

package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// console is a serial console: a terminal, whose output goes to a writer.
type console struct {
	// guest is the end that the guest has. It is kept open, because a terminal without a reader or writer is hung up.
	guest  *os.File
	output *os.File
	copied chan struct{}
}

func openConsole(w io.Writer) (*console, error) {
	output, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open console: %w", err)
	}
	guest, err := openGuestEnd(output)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open console: %w", err), output.Close())
	}
	c := &console{guest: guest, output: output, copied: make(chan struct{})}
	go func() { // close ends it
		defer close(c.copied)
		_, _ = io.Copy(plainLines{w}, output) // ends with EIO when nobody has the other end open
	}()
	return c, nil
}

func openGuestEnd(output *os.File) (*os.File, error) {
	raw, err := output.SyscallConn()
	if err != nil {
		return nil, err
	}
	var number int
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	return os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
}

// close waits until all output of the guest, which has ended, is copied.
func (c *console) close() {
	_ = c.guest.Close()
	<-c.copied
	_ = c.output.Close()
}

// plainLines leaves out the carriage returns that terminals add. A console that cannot be written is still read: the guest must not stop.
type plainLines struct{ w io.Writer }

func (p plainLines) Write(text []byte) (int, error) {
	if p.w != nil {
		_, _ = p.w.Write(bytes.ReplaceAll(text, []byte("\r"), nil))
	}
	return len(text), nil
}
