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
	// InIsTerminal says that somebody can answer.
	InIsTerminal bool
	// Out takes the result: what a pipe is meant to carry.
	Out io.Writer
	// OutIsTerminal says that somebody watches Out.
	OutIsTerminal bool
	// Err takes progress, warnings and errors.
	Err io.Writer
	// ErrIsTerminal says that somebody watches Err.
	ErrIsTerminal bool
	// Size of the terminal of Err, else of Out, in columns and rows; 0 and 0 when there is none.
	Size func() (width, height int)
}

// System returns the streams of the process. Out and Err count as terminals only where TERM says that they can move their cursor.
func System(getenv func(string) string) *Streams {
	kind := getenv("TERM")
	moves := kind != "" && kind != "dumb"
	out, errOut := int(os.Stdout.Fd()), int(os.Stderr.Fd())
	return &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InIsTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
		OutIsTerminal: moves && term.IsTerminal(out),
		ErrIsTerminal: moves && term.IsTerminal(errOut),
		Size: func() (int, int) {
			for _, fd := range []int{errOut, out} {
				if width, height, err := term.GetSize(fd); err == nil {
					return width, height
				}
			}
			return 0, 0
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
