package upload

import (
	"context"
	"errors"
	"time"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

// inactivity is how long the engine waits for a client that says nothing before it pauses the transfer.
const inactivity = 5 * time.Minute

// transfer sends, checks and finalizes. What interrupts it only means that it goes on with what is not yet safe.
func (j *job) transfer(ctx context.Context) error {
	if j.state.Finalizing { // all was sent and checked
		return j.finalize(ctx)
	}
	last, progress := int64(-1), time.Now()
	pause := remote.FirstPause
	for {
		err := j.once(ctx)
		switch {
		case err == nil:
			return j.finalize(ctx)
		case ctx.Err() != nil:
			return ctx.Err()
		case !j.passing(err):
			return err
		}
		if wire := j.ledger.onWire(); wire > last {
			last, progress, pause = wire, time.Now(), remote.FirstPause
		}
		if time.Since(progress) > j.patience() {
			return &remote.TimeoutError{Waiting: "the upload to disk " + j.Name + " could go on", Err: err}
		}
		j.notice("the upload to disk %s was interrupted and goes on: %v", j.Name, err)
		if err := remote.Sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(pause*2, remote.LongPause)
	}
}

// passing says that an error can pass by itself. A server that never answered is rather behind a firewall.
func (j *job) passing(err error) bool {
	if _, ok := errors.AsType[*UnreachableError](err); ok {
		return j.reached || errors.Is(err, imageio.Interrupted)
	}
	return errors.Is(err, imageio.Interrupted) || errors.Is(err, imageio.NoTicket) || errors.Is(err, imageio.Unreachable)
}

// once is one way through: a transfer that can be used, all that is missing sent, and all of it checked.
func (j *job) once(ctx context.Context) error {
	t, err := j.open(ctx)
	if err != nil {
		return err
	}
	image, options, err := j.reach(ctx, t)
	if err != nil {
		return err
	}
	defer image.Close()
	s := newSender(j, image, options)
	j.result.Host, j.result.Writers = image.Host(), s.writers
	started := time.Now()
	err = s.send(ctx, j.source.data.without(j.ledger.restart()))
	j.result.Sending += time.Since(started)
	j.result.Sent = j.ledger.onWire()
	if err != nil {
		return err
	}
	started = time.Now()
	j.result.Checked, err = j.verify(ctx, image, options)
	j.result.Checking += time.Since(started)
	return err
}

// open gives a transfer whose URLs work: the one of the state, another one of the disk, or a new one.
func (j *job) open(ctx context.Context) (*ovirt.ImageTransfer, error) {
	var usable *ovirt.ImageTransfer
	err := remote.Await(ctx, j.patience(), "disk "+j.Name+" takes the image", func() (bool, error) {
		t, err := j.current(ctx)
		switch {
		case err != nil:
			return false, err
		case t == nil:
			usable, err = j.begin(ctx)
			return usable != nil, err
		case t.Phase == ovirt.PhaseTransferring && t.Format != j.source.format:
			return false, remote.Ignore(j.Engine.CancelImageTransfer(ctx, t.ID))
		case t.Phase == ovirt.PhaseTransferring:
			usable = t
			return true, j.remember(t.ID)
		case t.Paused():
			return false, remote.Ignore(j.Engine.ResumeImageTransfer(ctx, t.ID))
		}
		return false, nil // on its way to another phase
	})
	return usable, err
}

func (j *job) remember(transferID string) error {
	if j.state.Transfer == transferID {
		return nil
	}
	j.state.Transfer = transferID
	return j.state.save()
}

// current is the transfer of the disk that has not ended; nil when there is none.
func (j *job) current(ctx context.Context) (*ovirt.ImageTransfer, error) {
	if j.state.Transfer != "" {
		t, err := j.Engine.ImageTransfer(ctx, j.state.Transfer)
		switch {
		case err == nil && !t.Ended():
			return t, nil
		case err != nil && !errors.Is(err, ovirt.NotFound):
			return nil, err
		}
	}
	transfers, err := j.Engine.ImageTransfers(ctx)
	if err != nil {
		return nil, err
	}
	for n := range transfers {
		if transfers[n].DiskID == j.state.Disk && !transfers[n].Ended() {
			return &transfers[n], nil
		}
	}
	return nil, nil
}

// begin starts a transfer; nil while the disk is locked.
func (j *job) begin(ctx context.Context) (*ovirt.ImageTransfer, error) {
	t, err := j.Engine.AddImageTransfer(ctx, ovirt.AddImageTransfer{
		DiskID: j.state.Disk, Format: j.source.format, InactivityTimeout: inactivity, TimeoutPolicy: ovirt.TimeoutPause,
	}, j.state.Disk)
	switch {
	case errors.Is(err, ovirt.Conflict):
		return nil, nil
	case errors.Is(err, ovirt.Forbidden):
		return nil, &remote.PermissionError{Permit: "edit_disk_properties", Object: "disk " + j.Name, Err: err}
	case err != nil:
		return nil, err
	case t.Ended():
		return nil, &TransferError{Name: j.Name, Phase: t.Phase, Detail: "no host of the data center is up to take the image; activate one"}
	}
	if err := j.remember(t.ID); err != nil || t.Phase != ovirt.PhaseTransferring {
		return nil, err
	}
	return t, nil
}

// reach asks the host, and where that does not work, the engine's proxy.
func (j *job) reach(ctx context.Context, t *ovirt.ImageTransfer) (*imageio.Image, *imageio.Options, error) {
	host, options, hostErr := j.try(ctx, t.TransferURL)
	if hostErr == nil {
		j.reached = true
		return host, options, nil
	}
	if errors.Is(hostErr, imageio.NoTicket) || ctx.Err() != nil {
		return nil, nil, hostErr
	}
	proxy, options, proxyErr := j.try(ctx, t.ProxyURL)
	if proxyErr == nil {
		j.notice("the image goes through the engine's proxy %s, because the host does not take it: %v", proxy.Host(), hostErr)
		j.reached = true
		return proxy, options, nil
	}
	for _, err := range []error{hostErr, proxyErr} {
		if errors.Is(err, imageio.Untrusted) {
			return nil, nil, err
		}
	}
	return nil, nil, &UnreachableError{Host: hostOf(t.TransferURL), Proxy: hostOf(t.ProxyURL), HostErr: hostErr, ProxyErr: proxyErr}
}

func (j *job) try(ctx context.Context, transferURL string) (*imageio.Image, *imageio.Options, error) {
	image, err := imageio.Open(transferURL, j.Engine.Trust())
	if err != nil {
		return nil, nil, err
	}
	options, err := image.Options(ctx)
	if err != nil {
		image.Close()
		return nil, nil, err
	}
	return image, options, nil
}

// finalize ends the transfer and waits for what the engine makes of it.
func (j *job) finalize(ctx context.Context) error {
	j.state.Finalizing = true
	if err := j.state.save(); err != nil {
		return err
	}
	asked := false
	return remote.Await(ctx, j.patience(), "the engine has finalized the upload to disk "+j.Name, func() (bool, error) {
		done, err := j.finalized(ctx)
		if err != nil || done || asked {
			return done, err
		}
		err = j.Engine.FinalizeImageTransfer(ctx, j.state.Transfer)
		asked = err == nil
		return false, remote.Ignore(err)
	})
}

// finalized says whether the transfer ended with success. One that is no longer listed did if its disk can be used.
func (j *job) finalized(ctx context.Context) (bool, error) {
	t, err := j.Engine.ImageTransfer(ctx, j.state.Transfer)
	if errors.Is(err, ovirt.NotFound) {
		found, err := j.Engine.Disk(ctx, j.state.Disk)
		return err == nil && found.Status == ovirt.StatusOK, err
	}
	switch {
	case err != nil:
		return false, err
	case t.Phase == ovirt.PhaseFinishedSuccess:
		return true, nil
	case t.Ended():
		return false, &TransferError{Name: j.Name, Phase: t.Phase, Detail: "it does not accept what was uploaded as an image for this disk; " +
			"the events of the engine say why"}
	}
	return false, nil
}
