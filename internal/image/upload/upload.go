// Package upload brings the content of a guest's disk into a disk of the engine: only its data, by several connections at once,
// and after whatever happened on the way from where it was.
//
// Who may do it: a user with the permits create_disk on the storage domain and edit_disk_properties on the disk, which who makes a
// disk has.
package upload

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const defaultWriters = 8

// Uploader uploads to one engine.
type Uploader struct {
	Engine *ovirt.Client
	// Patience is how long the engine or its hosts may be out of reach before an upload ends; 0 means 5 minutes.
	Patience time.Duration
	// Notice is told what the user should know meanwhile, in one line; nil means nobody.
	Notice func(string)
}

// Request is an image and where it goes.
type Request struct {
	// Name of the disk in the engine. There must be no other disk of that name, but for copies of ours that templates and VMs have.
	Name string
	// DataCenterID and StorageDomain, a name, say where.
	DataCenterID, StorageDomain string
	// Digest is that of the image as it was pulled, and Options a text that names all that was changed in it, such as its kernel
	// arguments. Both the same mean the same content.
	Digest, Options string
	// Content is what the disk will hold.
	Content disk.Disk
	// File is a qcow2 file with exactly this content, if there is one. It is sent as it is where that is less.
	File *File
	// Size of the engine's disk in bytes; 0 means that of the content.
	Size int64
	// Copies is how many more the storage domain has to have room for; 1 when a template is made.
	Copies int
	// State is the path of the file that remembers how far an upload came; its directory must exist.
	State string
	// Writers is how many connections to use at most; 0 means 8.
	Writers int
	// Progress is called with bytes of data, from one goroutine at a time; nil means nobody looks.
	Progress func(done, total int64)
}

// File is a file of Size bytes; reads must be safe for several goroutines.
type File struct {
	io.ReaderAt
	Size int64
}

// Result is what an upload did.
type Result struct {
	DiskID string
	// Reused: the image was in the engine already, and nothing was sent.
	Reused bool
	// Format is raw, or cow where the qcow2 file was sent as it is.
	Format string
	// Data is how many bytes there are to send, Resumed how many of them earlier tries had sent, and Sent how many this one sent,
	// those that it sent twice included.
	Data, Resumed, Sent int64
	// Writers is how many connections were used, and Host the server at the other end.
	Writers int
	Host    string
	// Checked says what was compared at the end.
	Checked string
	// Sending and Checking are how long the two took.
	Sending, Checking time.Duration
}

// job is one upload.
type job struct {
	*Uploader
	Request
	mark   machine.ImageMark
	source source
	domain *ovirt.StorageDomain
	state  *stateFile
	ledger *ledger
	result Result
	// reached: a server of images has answered.
	reached bool
}

// Upload sends the image into a new disk, goes on with what an earlier call began, or finds that the engine has it.
//
// When it fails, or ctx ends, it removes what it made. When even that fails, the error has a *remote.LeftBehindError; then, and after the
// process was killed, the same request goes on, and Abort removes.
func (u *Uploader) Upload(ctx context.Context, r Request) (*Result, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	state, err := openState(r.State)
	if err != nil {
		return nil, err
	}
	defer state.unlock()
	j := &job{Uploader: u, Request: r, state: state, mark: machine.ImageMark{Digest: r.Digest, Options: machine.ImageOptions(r.Options)}}
	if j.source, err = newSource(ctx, r); err != nil {
		return nil, err
	}
	done, err := j.prepare(ctx)
	switch {
	case err != nil:
		return nil, err
	case done:
		return &j.result, nil
	}
	err = j.makeDisk(ctx)
	if err == nil {
		err = j.transfer(ctx)
	}
	if err == nil {
		err = j.complete(ctx)
	}
	if err != nil {
		return nil, j.giveUp(ctx, err)
	}
	return &j.result, nil
}

func (r *Request) check() error {
	r.Size = cmp.Or(r.Size, r.Content.Size())
	r.Writers = cmp.Or(r.Writers, defaultWriters)
	switch {
	case r.Size < r.Content.Size():
		return &SizeError{Name: r.Name, Size: r.Size, Needed: r.Content.Size()}
	case r.Name == "" || r.Digest == "" || r.State == "":
		return errors.New("upload: a name, a digest and a file for the state are needed")
	}
	return nil
}

// prepare looks at what the engine has. It is done when that is the image.
func (j *job) prepare(ctx context.Context) (done bool, err error) {
	if j.domain, err = j.storageDomain(ctx); err != nil {
		return false, err
	}
	if err := j.dropOther(ctx); err != nil {
		return false, err
	}
	there, err := j.survey(ctx)
	if err != nil {
		return false, err
	}
	if there != nil {
		j.result = Result{DiskID: there.ID, Reused: true, Format: j.source.format, Data: j.source.data.total()}
		return true, j.state.remove()
	}
	j.ledger = newLedger(j.source.data.total(), j.Progress, j.state)
	if j.state.Disk == "" {
		if err := j.checkSpace(); err != nil {
			return false, err
		}
		j.state.Disk, j.state.Key = uuid.NewString(), j.key()
		return false, j.state.save()
	}
	j.ledger.flushed = j.state.Flushed
	j.result.Resumed = j.state.Flushed.total()
	j.notice("the upload to disk %s goes on: %d of %d MiB are in the engine", j.Name, j.result.Resumed>>20, j.ledger.total>>20)
	return false, nil
}

// key names what a state is about: with another key, what was flushed is worth nothing.
func (j *job) key() string {
	return fmt.Sprintf("%s %s %s %s %d %s", j.Digest, j.mark.Options, j.source.format, j.domain.ID, j.Size, j.Name)
}

// dropOther forgets a state whose disk is gone, and removes the disk of one that was about something else.
func (j *job) dropOther(ctx context.Context) error {
	if j.state.Disk == "" {
		return nil
	}
	found, err := j.ownDisk(ctx, j.state.Disk)
	switch {
	case err != nil:
		return err
	case found != nil && j.state.Key == j.key():
		return nil
	case found != nil && !complete(found):
		j.notice("disk %s, which an earlier upload of another image left, is removed", found.Name)
		if err := j.removeDisk(ctx, found.ID); err != nil {
			return err
		}
	}
	return j.state.remove()
}

// giveUp removes what was made, also when ctx has ended.
func (j *job) giveUp(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), remote.CleanupTime)
	defer cancel()
	err := j.removeDisk(ctx, j.state.Disk)
	if err == nil {
		err = j.state.remove()
	}
	if err != nil {
		return errors.Join(cause, &remote.LeftBehindError{What: fmt.Sprintf("disk %s (id %s)", j.Name, j.state.Disk), Err: err})
	}
	return cause
}

func (u *Uploader) patience() time.Duration { return cmp.Or(u.Patience, remote.DefaultPatience) }

func (u *Uploader) notice(format string, args ...any) {
	if u.Notice != nil {
		u.Notice(fmt.Sprintf(format, args...))
	}
}

// AbortRequest names an upload.
type AbortRequest struct {
	// Name of the disk, and State the path of the file, as in the Request.
	Name, State string
	// Complete removes a disk of ours with that name also when all of the image is in it: for a caller that only makes templates from
	// such disks, and has removed the VM that a template was to be made from.
	Complete bool
}

// Abort removes what an upload that was killed left: its transfer, its disk and its state. Disks that are not marked as ours stay.
// It returns the names of the disks that it removed.
func (u *Uploader) Abort(ctx context.Context, r AbortRequest) ([]string, error) {
	state, err := openState(r.State)
	if err != nil {
		return nil, err
	}
	defer state.unlock()
	disks, err := u.disksNamed(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	if found, err := u.ownDisk(ctx, state.Disk); err != nil {
		return nil, err
	} else if found != nil && found.Name != r.Name {
		disks = append(disks, *found)
	}
	var removed []string
	for _, each := range disks {
		mark, ok := ownMark(&each)
		if !ok || mark.Complete && !r.Complete {
			continue
		}
		if err := u.removeDisk(ctx, each.ID); err != nil {
			return removed, err
		}
		removed = append(removed, each.Name)
	}
	return removed, state.remove()
}

// complete says that all of an image is in a disk of ours.
func complete(d *ovirt.Disk) bool {
	mark, _ := ownMark(d)
	return mark.Complete
}

// ownMark is the mark of a disk that we uploaded; a copy of one has the mark of the other.
func ownMark(d *ovirt.Disk) (machine.ImageMark, bool) {
	mark, ok := machine.ParseImageMark(d.Description)
	return mark, ok && strings.EqualFold(mark.Disk, d.ID)
}
