package upload

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

const (
	// maxChunk and minChunk bound one request in bytes.
	maxChunk = 8 << 20
	minChunk = 256 << 10
	// pieceSize is how much is read at once: several clusters of a compressed image, and not more than a processor's cache.
	pieceSize = 256 << 10
	// flushAfter is how many bytes may be unsafe, all connections together: no more than that is sent twice after a kill. A small
	// image has a twelfth of its data.
	flushAfter    = 256 << 20
	flushFraction = 12
	// tries is how often a connection is made again before the engine is asked what became of the transfer.
	tries = 4
)

// sender writes through several connections at once.
type sender struct {
	source  source
	ledger  *ledger
	image   *imageio.Image
	writers int
	// chunk is the size of a request, and unsafe what one connection may have written since its last flush, in bytes.
	chunk, unsafe int64
	// flushEach: the server knows no flush of its own.
	flushEach bool
}

func newSender(j *job, image *imageio.Image, options *imageio.Options) *sender {
	s := &sender{source: j.source, ledger: j.ledger, image: image, writers: min(j.Writers, max(1, options.MaxWriters))}
	each := min(flushAfter, j.source.data.total()/flushFraction) / int64(s.writers)
	s.chunk = minChunk
	for s.chunk*4 <= each && s.chunk < maxChunk {
		s.chunk *= 2
	}
	s.unsafe = max(each-s.chunk, 0)
	s.flushEach = !slices.Contains(options.Features, imageio.FeatureFlush)
	return s
}

// send sends the parts, and ends with all of them safe.
func (s *sender) send(ctx context.Context, parts spans) error {
	queue := make(chan span)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(queue)
		for chunk := range parts.chunks(s.chunk) {
			select {
			case queue <- chunk:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range s.writers {
		group.Go(func() error {
			w := &writer{sender: s, conn: s.image.Connect(), buffer: make([]byte, min(s.chunk, pieceSize))}
			defer w.conn.Close()
			return w.run(ctx, queue)
		})
	}
	return group.Wait()
}

// writer is one connection. pending is what it wrote since its last flush, of which the ledger has counted so many bytes.
type writer struct {
	*sender
	conn    *imageio.Conn
	buffer  []byte
	pending []span // in the order of writing
	counted int64
}

func (w *writer) run(ctx context.Context, queue <-chan span) error {
	for chunk := range queue {
		w.pending = append(w.pending, chunk)
		if err := w.persist(ctx, func(again bool) error { return w.put(ctx, again) }); err != nil {
			return err
		}
		if w.counted >= w.unsafe {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	return w.flush(ctx)
}

// persist repeats what was interrupted, over a new connection.
func (w *writer) persist(ctx context.Context, do func(again bool) error) error {
	pause := remote.FirstPause
	for try := 0; ; try++ {
		err := do(try > 0)
		if err == nil || try == tries || !errors.Is(err, imageio.Interrupted) {
			return err
		}
		if err := remote.Sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// put writes the newest chunk, or again all that may be lost.
func (w *writer) put(ctx context.Context, again bool) error {
	parts := w.pending[len(w.pending)-1:]
	if again {
		w.ledger.wrote(-w.counted, 0)
		parts, w.counted = w.pending, 0
	}
	for _, part := range parts {
		if err := w.write(ctx, part); err != nil {
			return err
		}
		w.counted += part.length()
	}
	return nil
}

func (w *writer) write(ctx context.Context, part span) error {
	body := &stream{source: w.source, buffer: w.buffer, next: part.Start, end: part.End}
	if w.source.sparse() && body.zeros() {
		w.ledger.wrote(part.length(), 0)
		return nil
	}
	if body.err != nil {
		return body.err
	}
	err := w.conn.Put(ctx, part.Start, part.length(), body, w.flushEach)
	if body.err != nil {
		return body.err
	}
	if err != nil {
		return err
	}
	w.ledger.wrote(part.length(), part.length())
	return nil
}

// flush makes what is pending safe.
func (w *writer) flush(ctx context.Context) error {
	if len(w.pending) == 0 {
		return nil
	}
	err := w.persist(ctx, func(again bool) error {
		if again {
			if err := w.put(ctx, true); err != nil {
				return err
			}
		}
		if w.flushEach {
			return nil
		}
		return w.conn.Flush(ctx)
	})
	if err != nil {
		return err
	}
	err = w.ledger.flush(w.pending)
	w.pending, w.counted = w.pending[:0], 0
	return err
}

// stream reads a part of the source piece by piece.
type stream struct {
	source    source
	buffer    []byte
	filled    []byte // of the buffer, not yet taken
	next, end int64
	err       error // why the source could not be read
}

// Read makes a stream an io.Reader.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.filled) == 0 && !s.fill() {
		if s.err != nil {
			return 0, s.err
		}
		return 0, io.EOF
	}
	n := copy(p, s.filled)
	s.filled = s.filled[n:]
	return n, nil
}

// fill reads the next piece; false at the end, and when it cannot be read.
func (s *stream) fill() bool {
	if s.next == s.end || s.err != nil {
		return false
	}
	piece := s.buffer[:min(int64(len(s.buffer)), s.end-s.next)]
	if s.err = s.source.read(piece, s.next); s.err != nil {
		return false
	}
	s.filled, s.next = piece, s.next+int64(len(piece))
	return true
}

// zeros looks ahead as long as there are only zeros; what is taken first keeps what was read then.
func (s *stream) zeros() bool {
	start := s.next
	for s.fill() {
		if !zeros(s.filled) {
			if s.next-int64(len(s.filled)) > start { // not the first piece
				s.next, s.filled = start, nil
			}
			return false
		}
	}
	return s.err == nil
}

// zeros compares p with itself, one byte further, as fast as memory is compared.
func zeros(p []byte) bool { return len(p) == 0 || p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1]) }

func hostOf(transferURL string) string {
	u, err := url.Parse(transferURL)
	if err != nil {
		return ""
	}
	return u.Host
}
