package imageio

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

const (
	formatCOW = "cow"
	// copySize is the unit in which bytes are moved: large enough to make few calls, small enough for a processor's cache.
	copySize = 256 << 10
)

// errRevoked ends requests whose ticket is gone.
var errRevoked = errors.New("the ticket was revoked")

// ticket is a transfer as the data plane sees it.
type ticket struct {
	engine.Ticket
	store *store

	// opening is held while the disk's file is made ready.
	opening sync.Mutex

	// mu is held for reading while bytes are written to the file, so that after revoke nothing is written any more.
	mu      sync.RWMutex
	revoked bool
	shown   content
	file    *os.File // for writing
	opened  []*os.File

	progress sync.Mutex
	moved    engine.Spans
	inFlight int
	last     time.Time
}

// content returns what the client sees, opened for writing if it is to be written.
func (t *ticket) content(write bool) (content, error) {
	t.opening.Lock()
	defer t.opening.Unlock()
	if t.shown != nil && (!write || t.file != nil) {
		return t.shown, nil
	}
	var shown content
	var file *os.File
	var err error
	if write {
		shown, file, err = t.openForWriting()
	} else {
		shown, file, err = t.openForReading()
	}
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.revoked {
		return nil, errors.Join(errRevoked, closeFile(file))
	}
	t.shown = shown
	if file != nil {
		t.opened = append(t.opened, file)
	}
	if write {
		t.file = file
	}
	return shown, nil
}

func (t *ticket) openForReading() (content, *os.File, error) {
	file, isQCOW2, err := t.store.open(t.DiskID)
	if err != nil {
		return nil, nil, err
	}
	asQCOW2 := t.Format == formatCOW
	var shown content
	switch {
	case isQCOW2 && asQCOW2:
		info, statErr := file.Stat()
		if err = statErr; err == nil {
			shown = verbatim{file, info.Size()}
		}
	case isQCOW2:
		shown, err = newDecoded(file, t.VirtualSize)
	case asQCOW2 && t.Write: // what an upload has not written yet
		shown = visible{nil, t.Limit}
	case asQCOW2:
		shown, err = newEncoded(visible{file, t.VirtualSize})
	default:
		shown = visible{file, t.VirtualSize}
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open image of disk %s: %w", t.DiskID, err), closeFile(file))
	}
	return shown, file, nil
}

func (t *ticket) openForWriting() (content, *os.File, error) {
	asQCOW2 := t.Format == formatCOW && t.DiskFormat == formatCOW
	path, err := t.store.writable(t.DiskID, asQCOW2, t.VirtualSize)
	if err != nil {
		return nil, nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.revoked {
		return nil, nil, errRevoked
	}
	if err := t.store.install(path, t.DiskID, asQCOW2); err != nil {
		return nil, nil, err
	}
	if asQCOW2 {
		file, err := openFile(t.store.qcow2Path(t.DiskID))
		return verbatim{file, t.Limit}, file, err
	}
	file, err := openFile(t.store.rawPath(t.DiskID))
	if err != nil {
		return nil, nil, err
	}
	size := t.VirtualSize
	if t.Format == formatCOW {
		size = t.Limit // a file of another format in a raw volume
	} else if err := file.Truncate(size); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("resize image of disk %s: %w", t.DiskID, err), file.Close())
	}
	return visible{file, size}, file, nil
}

func openFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open image: %w", err)
	}
	return file, nil
}

// receive writes n bytes from r to the disk.
func (t *ticket) receive(r io.Reader, offset, n int64, buffer []byte) error {
	for n > 0 {
		part := buffer[:min(n, int64(len(buffer)))]
		got, readErr := io.ReadFull(r, part)
		if err := t.write(part[:got], offset); err != nil {
			return err
		}
		offset, n = offset+int64(got), n-int64(got)
		if readErr != nil {
			return fmt.Errorf("read request: %w", readErr)
		}
	}
	return nil
}

func (t *ticket) write(p []byte, offset int64) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.revoked {
		return errRevoked
	}
	if _, err := t.file.WriteAt(p, offset); err != nil {
		return fmt.Errorf("write image: %w", err)
	}
	t.count(offset, offset+int64(len(p)))
	return nil
}

// zero makes bytes read as zeroes without taking space.
func (t *ticket) zero(offset, length int64) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.revoked {
		return errRevoked
	}
	if length > 0 {
		if err := punchHole(t.file, offset, length); err != nil {
			return err
		}
		// A hole behind the end does not make the file longer; cutting it to a size could cut off what others write.
		if info, err := t.file.Stat(); err == nil && info.Size() < offset+length {
			if _, err := t.file.WriteAt([]byte{0}, offset+length-1); err != nil {
				return fmt.Errorf("write image: %w", err)
			}
		}
	}
	t.count(offset, offset+length)
	return nil
}

func (t *ticket) count(start, end int64) {
	t.progress.Lock()
	defer t.progress.Unlock()
	t.moved.Add(start, end)
}

// begin and end frame every request.
func (t *ticket) begin(now time.Time) {
	t.progress.Lock()
	defer t.progress.Unlock()
	t.inFlight++
	t.last = now
}

func (t *ticket) end(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Lock()
	t.inFlight--
	t.last = now
	t.progress.Unlock()
	t.closeUnused()
}

// revoke returns when nothing is written any more. Requests that read go on.
func (t *ticket) revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.revoked = true
	t.closeUnused()
}

// closeUnused closes the files of a ticket that is gone once its last request is; mu is held.
func (t *ticket) closeUnused() {
	t.progress.Lock()
	defer t.progress.Unlock()
	if !t.revoked || t.inFlight > 0 {
		return
	}
	for _, file := range t.opened {
		_ = file.Close()
	}
	t.opened = nil
}
