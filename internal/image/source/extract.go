package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ocne-project/ocne/internal/image/cache"
)

// fill gets the layer. When that turns out to be damaged, a part of it that was there from an earlier attempt may be the reason, or a mirror.
func (p *Puller) fill(ctx context.Context, slot *cache.Slot, image *found) error {
	for {
		had, err := p.fillOnce(ctx, slot, image)
		var digest *DigestError
		var other *NotOCKError
		if !errors.As(err, &digest) && !errors.As(err, &other) {
			return err
		}
		if dropErr := slot.DropPartial(); dropErr != nil {
			return errors.Join(err, dropErr)
		}
		switch {
		case digest == nil:
			return err
		case had > 0:
			p.say("What an earlier download left of image %s is damaged. It is thrown away.", image.reference)
		case image.layer.elsewhere == nil || !image.layer.elsewhere():
			return err
		}
	}
}

// fillOnce returns how many bytes of the layer were there already.
func (p *Puller) fillOnce(ctx context.Context, slot *cache.Slot, image *found) (had int64, err error) {
	source, err := p.open(ctx, slot, image)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	// How large the disk is, only the layer tells; when the disk is compressed, it is about as large as the layer.
	if err := p.room(source.needs() + image.layer.size); err != nil {
		return 0, err
	}
	f, err := slot.Create()
	if err != nil {
		return 0, err
	}
	defer f.Close() // Commit closes it and tells; otherwise it is not needed
	result, err := p.extract(ctx, f, source, image)
	if err != nil {
		return source.had, err
	}
	return source.had, slot.Commit(f, result)
}

// arrived is a layer of which a part may be on the disk: first that part is read, then what comes from the source, which is kept.
type arrived struct {
	io.Reader
	download *download
	kept     *os.File // nil when nothing is kept
	had      int64    // bytes of it that were there already
}

// open continues what an earlier attempt left.
func (p *Puller) open(ctx context.Context, slot *cache.Slot, image *found) (*arrived, error) {
	a := &arrived{download: &download{ctx: ctx, puller: p, layer: image.layer}}
	a.Reader = a.download
	if !image.layer.remote {
		return a, nil
	}
	var err error
	if a.kept, err = slot.Partial(); err != nil {
		return nil, err
	}
	info, err := a.kept.Stat()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if a.had = info.Size(); a.had > image.layer.size {
		p.say("What an earlier download left of image %s is larger than the image. It is thrown away.", image.reference)
		a.had = 0
		if err := a.kept.Truncate(0); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	if a.had > 0 {
		p.say("Going on with an earlier download: %s of %s are there.", sizeText(a.had), sizeText(image.layer.size))
	}
	a.download.offset = a.had
	a.Reader = io.MultiReader(io.LimitReader(a.kept, a.had), io.TeeReader(a.download, a.kept))
	return a, nil
}

// needs are the bytes that are still to be kept.
func (a *arrived) needs() int64 {
	if a.kept == nil {
		return 0
	}
	return a.download.layer.size - a.download.offset
}

// Close ends the download; what has arrived stays.
func (a *arrived) Close() error {
	err := a.download.Close()
	if a.kept != nil {
		err = errors.Join(err, a.kept.Close())
	}
	return err
}

// extract writes the boot disk of a layer into f, and compares the layer's digest.
func (p *Puller) extract(ctx context.Context, f *os.File, source *arrived, image *found) (*cache.Image, error) {
	counted := &counter{inner: interruptible{ctx, source}, total: image.layer.size, progress: p.options.Progress}
	what := "the first layer of image " + image.reference
	s, err := newStream(image.layer, counted)
	if s == nil {
		return nil, fmt.Errorf("pull image %s: %w", image.reference, err)
	}
	defer s.close()
	if err == nil {
		var result *cache.Image
		if result, err = p.extractDisk(ctx, f, s, source, image); err == nil {
			if err = s.verify(what); err == nil {
				return result, nil
			}
		}
	}
	return nil, p.broken(ctx, err, s, source, what, image)
}

// broken tells a failure of the source, the disk or the user from content that is not what it should be.
func (p *Puller) broken(ctx context.Context, err error, s *stream, source *arrived, what string, image *found) error {
	var other *NotOCKError
	var full *DiskFullError
	var digest *DigestError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("pull image %s: %w", image.reference, ctx.Err())
	case source.download.err != nil:
		return p.full(source.download.err)
	case errors.As(err, &other), errors.As(err, &full), errors.As(err, &digest):
		return err
	case isFileError(err):
		return p.full(fmt.Errorf("pull image %s: %w", image.reference, err))
	}
	// Content that cannot be decompressed or is no tar archive: was it damaged on its way, or is it so?
	if err := s.digest(what); err != nil {
		return err
	}
	return &NotOCKError{Reference: image.reference, Err: err}
}

func isFileError(err error) bool {
	var file *os.PathError
	return errors.As(err, &file)
}

func (p *Puller) extractDisk(ctx context.Context, f *os.File, s *stream, source *arrived, image *found) (*cache.Image, error) {
	disk, size, err := s.disk(image.reference)
	if err != nil {
		return nil, err
	}
	if err := p.room(source.needs() + size); err != nil {
		return nil, err
	}
	sum, err := write(ctx, f, disk, size)
	if err != nil {
		return nil, err
	}
	return &cache.Image{Reference: image.reference, Architecture: image.architecture, Size: size, SHA256: sum, Created: p.now()}, nil
}

// counter tells the progress of reading.
type counter struct {
	inner       io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.inner.Read(p)
	if c.done += int64(n); n > 0 && c.progress != nil {
		c.progress(c.done, c.total)
	}
	return n, err
}
