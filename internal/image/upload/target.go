package upload

import (
	"context"
	"errors"
	"slices"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/internal/spelling"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// storageDomain finds the storage domain by its name.
func (j *job) storageDomain(ctx context.Context) (*ovirt.StorageDomain, error) {
	domains, err := j.Engine.StorageDomains(ctx, j.DataCenterID)
	if err != nil {
		return nil, err
	}
	var names []string
	for n, each := range domains {
		if each.Name != j.StorageDomain {
			names = append(names, each.Name)
			continue
		}
		if each.Status != "active" {
			return nil, &StorageDomainError{Name: each.Name, Status: each.Status}
		}
		return &domains[n], nil
	}
	return nil, &StorageDomainError{Name: j.StorageDomain, Near: spelling.NearestFirst(j.StorageDomain, names)}
}

// needed is what the image and its copies take in the storage domain, in bytes.
func (j *job) needed() int64 { return j.source.initialSize() * int64(1+j.Copies) }

func (j *job) checkSpace() error {
	if j.domain.Available < j.needed() {
		return &NoSpaceError{StorageDomain: j.domain.Name, Available: j.domain.Available, Needed: j.needed()}
	}
	return nil
}

// disksNamed lists the disks of a name. Users who are no administrators get all, whatever they search for.
func (u *Uploader) disksNamed(ctx context.Context, name string) ([]ovirt.Disk, error) {
	term, err := ovirt.SearchTerm("name", name)
	if err != nil {
		return nil, err
	}
	disks, err := u.Engine.Disks(ctx, term)
	return slices.DeleteFunc(disks, func(d ovirt.Disk) bool { return d.Name != name }), err
}

// survey looks at the disks that have the name: the one that is complete, if there is one, or why there can be no other.
func (j *job) survey(ctx context.Context) (*ovirt.Disk, error) {
	disks, err := j.disksNamed(ctx, j.Name)
	if err != nil {
		return nil, err
	}
	for n := range disks {
		each := &disks[n]
		mark, own := ownMark(each)
		exists := &DiskExistsError{Name: j.Name, DiskID: each.ID, Ours: own, Unfinished: own && !mark.Complete && mark.SameImage(j.mark)}
		usable := each.Status == ovirt.StatusOK && each.ProvisionedSize == j.Size && slices.Contains(each.StorageDomainIDs, j.domain.ID)
		switch {
		case !own && mark.Digest != "", each.ID == j.state.Disk && !mark.Complete: // a copy that a template or VM has; what we go on with
		case own && mark.Complete && mark.SameImage(j.mark) && usable:
			return each, nil
		default:
			return nil, exists
		}
	}
	return nil, nil
}

// ownDisk reads a disk that we made; nil when it is gone, or is not ours.
func (u *Uploader) ownDisk(ctx context.Context, id string) (*ovirt.Disk, error) {
	if id == "" {
		return nil, nil
	}
	found, err := u.Engine.Disk(ctx, id)
	if errors.Is(err, ovirt.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if _, own := ownMark(found); !own {
		return nil, nil
	}
	return found, nil
}

// makeDisk makes the disk with the id of the state, unless an earlier try did, and waits until the engine has it.
func (j *job) makeDisk(ctx context.Context) error {
	j.mark.Disk = j.state.Disk
	j.result.DiskID, j.result.Format, j.result.Data = j.state.Disk, j.source.format, j.source.data.total()
	if j.result.Resumed > 0 || j.state.Transfer != "" {
		return nil
	}
	asked := false
	return remote.Await(ctx, j.patience(), "disk "+j.Name+" is made", func() (bool, error) {
		found, err := j.Engine.Disk(ctx, j.state.Disk)
		switch {
		case err == nil:
			return found.Status != ovirt.StatusLocked || j.transferring(ctx), nil
		case !errors.Is(err, ovirt.NotFound):
			return false, err
		case asked:
			return false, nil
		}
		_, err = j.Engine.AddDisk(ctx, ovirt.AddDisk{
			ID: j.state.Disk, Name: j.Name, Description: j.mark.Text(), StorageDomainID: j.domain.ID, Format: ovirt.FormatCOW,
			Size: j.Size, InitialSize: j.source.initialSize(),
		}, j.state.Disk)
		asked = err == nil
		return false, j.explained(err)
	})
}

// transferring says that the disk is locked because an earlier try began to fill it.
func (j *job) transferring(ctx context.Context) bool {
	transfers, err := j.Engine.ImageTransfers(ctx)
	return err == nil && slices.ContainsFunc(transfers, func(t ovirt.ImageTransfer) bool { return t.DiskID == j.state.Disk && !t.Ended() })
}

// explained adds to a refusal of a new disk what to do about it. That it is there already is no error.
func (j *job) explained(err error) error {
	switch ovirt.KindOf(err) {
	case ovirt.Exists:
		return nil
	case ovirt.Forbidden:
		return &remote.PermissionError{Permit: "create_disk", Object: "storage domain " + j.domain.Name, Err: err}
	case ovirt.Quota:
		return &NoSpaceError{StorageDomain: j.domain.Name, Available: j.domain.Available, Needed: j.needed(), Err: err}
	}
	return err
}

// complete tells later calls that all of the image is in the disk.
func (j *job) complete(ctx context.Context) error {
	j.mark.Complete = true
	err := remote.Await(ctx, j.patience(), "disk "+j.Name+" is usable", func() (bool, error) {
		found, err := j.Engine.Disk(ctx, j.state.Disk)
		if err != nil || found.Status == ovirt.StatusLocked {
			return false, err
		}
		if found.Status != ovirt.StatusOK {
			return false, &TransferError{Name: j.Name, Phase: found.Status, Detail: "the disk cannot be used"}
		}
		err = j.Engine.DescribeDisk(ctx, j.state.Disk, j.mark.Text())
		return err == nil, err
	})
	if err != nil {
		return err
	}
	return j.state.remove()
}

// removeDisk ends all transfers of a disk and removes it. It may be called again at every point.
func (u *Uploader) removeDisk(ctx context.Context, id string) error {
	return remote.Await(ctx, u.patience(), "disk "+id+" is removed", func() (bool, error) {
		transfers, err := u.Engine.ImageTransfers(ctx)
		if err != nil {
			return false, err
		}
		busy := false
		for _, t := range transfers {
			if t.DiskID != id || t.Ended() {
				continue
			}
			busy = true
			if err := u.Engine.CancelImageTransfer(ctx, t.ID); err != nil && !remote.Over(err) {
				return false, err
			}
		}
		if busy {
			return false, nil
		}
		found, err := u.Engine.Disk(ctx, id)
		switch {
		case errors.Is(err, ovirt.NotFound):
			return true, nil
		case err != nil || found.Status == ovirt.StatusLocked:
			return false, err
		}
		if err := u.Engine.RemoveDisk(ctx, id); err != nil && !remote.Over(err) {
			return false, err
		}
		return false, nil
	})
}
