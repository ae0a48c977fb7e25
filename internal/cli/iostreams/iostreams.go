// Package iostreams is what a command reads from and writes to.
package iostreams

import (
	"bytes"
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are a command's input, its result and its messages.
type Streams struct {
	In io.Reader
	// Out takes the result: what a pipe is meant to carry.
	Out io.Writer
	// Err takes progress, warnings and errors.
	Err io.Writer
	// ErrIsTerminal says that somebody watches Err.
	ErrIsTerminal bool
	// Size of the terminal in columns and rows; 0 and 0 when there is none.
	Size func() (width, height int)
}

// System returns the streams of the process. Err counts as a terminal only where TERM says that it can move its cursor.
func System(getenv func(string) string) *Streams {
	fd := int(os.Stderr.Fd())
	kind := getenv("TERM")
	return &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		ErrIsTerminal: term.IsTerminal(fd) && kind != "" && kind != "dumb",
		Size: func() (int, int) {
			width, height, err := term.GetSize(fd)
			if err != nil {
				return 0, 0
			}
			return width, height
		},
	}
}

// Buffers returns streams for a test, and what is written to Out and Err.
func Buffers() (s *Streams, out, errOut *bytes.Buffer) {
	out, errOut = &bytes.Buffer{}, &bytes.Buffer{}
	return &Streams{
		In: &bytes.Buffer{}, Out: out, Err: errOut,
		Size: func() (int, int) { return 0, 0 },
	}, out, errOut
}
