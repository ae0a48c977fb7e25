package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// fruitless is how often in a row a download is begun again without a byte arriving.
const fruitless = 6

// errStalled says that a connection was open, and nothing arrived.
var errStalled = fmt.Errorf("nothing arrived for %s", stalledAfter)

// unstalled cancels a request whose answer stalls.
type unstalled struct {
	ctx    context.Context
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newUnstalled(ctx context.Context, body io.ReadCloser, cancel context.CancelCauseFunc) *unstalled {
	timer := time.AfterFunc(stalledAfter, func() { cancel(errStalled) })
	timer.Stop()
	return &unstalled{ctx: ctx, body: body, cancel: cancel, timer: timer}
}

func (u *unstalled) Read(p []byte) (int, error) {
	u.timer.Reset(stalledAfter)
	n, err := u.body.Read(p)
	u.timer.Stop()
	if err != nil && u.ctx.Err() != nil {
		err = context.Cause(u.ctx)
	}
	return n, err
}

func (u *unstalled) Close() error {
	u.timer.Stop()
	err := u.body.Close()
	u.cancel(nil)
	return err
}

// download reads a layer from an offset to its end, and goes on where a connection drops.
type download struct {
	ctx    context.Context
	puller *Puller
	layer  layer
	// offset of the next byte to arrive.
	offset int64
	body   io.ReadCloser
	// failures without a byte in between.
	failures int
	// err ended the download.
	err error
	// told says that the user knows of dropped connections.
	told bool
}

func (d *download) Read(p []byte) (int, error) {
	for {
		switch {
		case d.err != nil:
			return 0, d.err
		case d.offset == d.layer.size:
			return 0, io.EOF
		case d.ctx.Err() != nil:
			d.err = d.ctx.Err()
			continue
		}
		n, reading, err := d.part(p[:min(int64(len(p)), d.layer.size-d.offset)])
		if d.offset += int64(n); n > 0 {
			d.failures = 0
		}
		if err != nil {
			d.again(err, reading)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// part reads from the present connection, or from a new one. reading says that there was one when the error happened.
func (d *download) part(p []byte) (n int, reading bool, err error) {
	if d.body == nil {
		body, err := d.layer.open(d.ctx, d.offset)
		if err != nil {
			return 0, false, err
		}
		d.body = body
	}
	n, err = d.body.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // too early, or not looked at any more
	}
	return n, true, err
}

// again closes the connection, and gives up when a new one would not help.
func (d *download) again(err error, reading bool) {
	_ = d.Close()
	if d.offset == d.layer.size {
		return
	}
	var unreachable *UnreachableError
	mayHelp := reading || passing(err) || errors.As(err, &unreachable)
	if d.failures++; d.ctx.Err() != nil || !d.layer.remote || d.failures >= fruitless || !mayHelp {
		if d.err = err; reading && d.layer.explain != nil {
			d.err = d.layer.explain(err)
		}
		return
	}
	if !d.told {
		d.told = true
		d.puller.say("The connection dropped after %s of %s (%v). The download goes on from there.",
			sizeText(d.offset), sizeText(d.layer.size), innermost(err))
	}
	if d.failures > 1 {
		d.err = pause(d.ctx, d.puller.firstWait<<(d.failures-2))
	}
}

func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	err := d.body.Close()
	d.body = nil
	return err
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// interruptible ends a loop of reads when the context does.
type interruptible struct {
	ctx   context.Context
	inner io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, i.ctx.Err()
	}
	return i.inner.Read(p)
}
