// Package template makes VM templates from uploaded disks: one version of a template for each image, and each image once.
//
// The engine makes templates from VMs only. So there is a VM for a while, which never starts; it is marked as ours in the call that
// makes it, and a run that finds one goes on with it.
package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/internal/image/remote"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// osType makes the engine hand a boot document to the guest as Ignition.
	osType = "rhcos_x64"
	// biosType is q35 with UEFI.
	biosType = "q35_ovmf"
	// diskInterface is what the engine's console takes too.
	diskInterface = "virtio_scsi"
	// memory and cores are what VMs get that say nothing else.
	memory = 4 << 30
	cores  = 2
)

// Maker makes templates in one engine.
type Maker struct {
	Engine *ovirt.Client
	// Patience is how long the engine may be out of reach, or busy with one step, before a call ends; 0 means 5 minutes. Copying the
	// disk is a step.
	Patience time.Duration
	// Notice is told what the user should know meanwhile, in one line; nil means nobody.
	Notice func(string)
}

// Request is a template and the image that it is to have.
type Request struct {
	// Name of the template. Where there is one, this becomes a version of it, whoever made the first.
	Name string
	// VersionName tells people what is in this version.
	VersionName             string
	DataCenterID, ClusterID string
	// Digest and Options are those of the upload.
	Digest, Options string
	// Disk gives the id of a disk of ours that has the image. It is called only when a disk is needed, and the disk ends with the call:
	// the template gets a copy.
	Disk func(context.Context) (string, error)
}

// Result is the template with the image.
type Result struct {
	Template ovirt.Template
	// Reused: it was there already.
	Reused bool
}

// NameTakenError says that a VM which is not ours has the name of the VM that is needed for a while.
type NameTakenError struct{ VM string }

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("a VM %s is in the engine that was not made for this template; rename or remove it", e.VM)
}

// IllegalError says that the engine made a template that cannot be used.
type IllegalError struct {
	Name    string
	Version int
}

func (e *IllegalError) Error() string {
	return fmt.Sprintf("version %d of template %s is illegal in the engine: its disk could not be copied; the engine's events say why. "+
		"Remove that version and try again", e.Version, e.Name)
}

// making is one call.
type making struct {
	*Maker
	Request
	mark machine.ImageMark
	// vmID and diskID are what the template is made from, empty while there is none.
	vmID, diskID string
	// asked: the engine may be making the template.
	asked bool
}

// Ensure finds the version of the template that has the image, or makes it. The engine is left with the template alone: when it fails,
// or ctx ends, it removes what was made for it, the disk included. What a process that was killed left is found by its mark.
func (m *Maker) Ensure(ctx context.Context, r Request) (*Result, error) {
	if r.Name == "" || r.Digest == "" || r.ClusterID == "" || r.Disk == nil {
		return nil, errors.New("template: a name, a digest, a cluster and a disk are needed")
	}
	j := &making{Maker: m, Request: r, mark: machine.ImageMark{Digest: r.Digest, Options: machine.ImageOptions(r.Options), Template: r.Name}}
	if err := j.findVM(ctx); err != nil {
		return nil, err
	}
	t, err := j.version(ctx)
	if err != nil {
		return nil, err
	}
	reused := t != nil
	if reused {
		t, err = j.usable(ctx)
	} else {
		t, err = j.build(ctx)
	}
	if err == nil {
		err = j.removeVM(ctx, true)
	}
	if err != nil {
		return nil, j.giveUp(ctx, reused, err)
	}
	return &Result{Template: *t, Reused: reused}, nil
}

// Abort removes what a call that was killed left: the VM with its disk. A template that the engine has begun to make stays.
func (m *Maker) Abort(ctx context.Context, r Request) error {
	j := &making{Maker: m, Request: r, mark: machine.ImageMark{Digest: r.Digest, Options: machine.ImageOptions(r.Options), Template: r.Name}}
	if err := j.findVM(ctx); err != nil {
		return err
	}
	return j.removeVM(ctx, true)
}

// findVM finds the VM that an earlier call made. Users who are no administrators get all VMs, whatever they search for.
func (j *making) findVM(ctx context.Context) error {
	name := machine.ImageVMName(j.mark)
	term, err := ovirt.SearchTerm("name", name)
	if err != nil {
		return err
	}
	vms, err := j.Engine.VMs(ctx, term)
	if err != nil {
		return err
	}
	for _, each := range vms {
		if each.Name != name {
			continue
		}
		mark, ok := machine.ParseImageMark(each.Comment)
		if !ok || mark.Template != j.Name || !mark.SameImage(j.mark) {
			return &NameTakenError{VM: name}
		}
		j.vmID = each.ID
	}
	return nil
}

// version is the version of the template that has the image; nil when there is none.
func (j *making) version(ctx context.Context) (*ovirt.Template, error) {
	_, own, err := j.versions(ctx)
	return own, err
}

// versions gives the first version of the template, and the one that has the image, in whatever status; nil where there is none.
func (j *making) versions(ctx context.Context) (first, own *ovirt.Template, err error) {
	templates, err := j.Engine.Templates(ctx, j.DataCenterID)
	if err != nil {
		return nil, nil, err
	}
	for n := range templates { // newest first
		each := &templates[n]
		if each.Name != j.Name {
			continue
		}
		first = each
		if mark, ok := machine.ParseImageMark(each.Comment); ok && mark.SameImage(j.mark) && own == nil {
			own = each
		}
	}
	return first, own, nil
}

// build makes the VM, puts the disk into it, and makes the template.
func (j *making) build(ctx context.Context) (*ovirt.Template, error) {
	if err := j.ensureDisk(ctx); err != nil {
		return nil, err
	}
	return j.usable(ctx)
}

// ensureDisk makes sure that there is a VM which has the disk.
func (j *making) ensureDisk(ctx context.Context) error {
	if j.vmID != "" {
		attached, err := j.Engine.DiskAttachments(ctx, j.vmID)
		if err != nil || len(attached) > 0 {
			return err
		}
	}
	var err error
	if j.diskID, err = j.Disk(ctx); err != nil {
		return err
	}
	if j.vmID == "" {
		if err := j.addVM(ctx); err != nil {
			return err
		}
	}
	return remote.Await(ctx, j.patience(), "disk "+j.diskID+" is in the VM that template "+j.Name+" is made from", func() (bool, error) {
		attached, err := j.Engine.DiskAttachments(ctx, j.vmID)
		if err != nil || len(attached) > 0 {
			return err == nil, err
		}
		return false, j.Engine.AttachDisk(ctx, j.vmID, ovirt.DiskAttachment{DiskID: j.diskID, Interface: diskInterface, Bootable: true, Active: true})
	})
}

// addVM makes the VM, once.
func (j *making) addVM(ctx context.Context) error {
	name, id := machine.ImageVMName(j.mark), uuid.NewString()
	j.vmID = id
	return remote.Await(ctx, j.patience(), "VM "+name+" is made", func() (bool, error) {
		vm, err := j.Engine.VM(ctx, id)
		switch {
		case err == nil:
			return vm.Status == ovirt.StatusDown, nil
		case !errors.Is(err, ovirt.NotFound):
			return false, err
		}
		_, err = j.Engine.AddVM(ctx, ovirt.AddVM{
			ID: id, Name: name, Comment: j.mark.Text(), Description: "Template " + j.Name + " is made from it; it never starts, and ends with that.",
			ClusterID: j.ClusterID, TemplateID: ovirt.BlankTemplateID, Memory: memory, CPU: ovirt.CPUTopology{Sockets: 1, Cores: cores, Threads: 1},
			OSType: osType, BIOSType: biosType,
		}, id)
		switch ovirt.KindOf(err) {
		case ovirt.Exists:
			if _, err := j.Engine.VM(ctx, id); err == nil {
				return false, nil
			}
			return false, &NameTakenError{VM: name}
		case ovirt.Forbidden:
			return false, &remote.PermissionError{Permit: "create_vm", Object: "the cluster and the Blank template", Err: err}
		}
		return false, err
	})
}

// usable asks for the template until the engine has begun to make it, and then waits until it is there.
func (j *making) usable(ctx context.Context) (*ovirt.Template, error) {
	var made *ovirt.Template
	err := remote.Await(ctx, j.patience(), "template "+j.Name+" is made", func() (bool, error) {
		first, own, err := j.versions(ctx)
		switch {
		case err != nil:
			return false, err
		case own == nil:
			return false, j.addTemplate(ctx, first)
		case own.Status == ovirt.StatusIllegal:
			return false, &IllegalError{Name: j.Name, Version: own.Version}
		}
		made = own
		return own.Status == ovirt.StatusOK, nil
	})
	return made, err
}

func (j *making) addTemplate(ctx context.Context, first *ovirt.Template) error {
	if j.vmID == "" {
		return &ovirt.Error{Kind: ovirt.NotFound, Operation: "add template", Object: j.Name, Err: errors.New("somebody removed it meanwhile; try again")}
	}
	mark := j.mark
	mark.Complete = true
	t := ovirt.AddTemplate{
		Name: j.Name, VMID: j.vmID, VersionName: j.VersionName, Comment: mark.Text(),
		Description: "OCK image " + j.Digest + map[bool]string{true: ", with changes " + mark.Options}[mark.Options != ""],
	}
	if first != nil {
		t.BaseID = cmp.Or(first.BaseID, first.ID)
	}
	j.asked = true
	_, err := j.Engine.AddTemplate(ctx, t, j.vmID)
	if errors.Is(err, ovirt.Forbidden) {
		return &remote.PermissionError{Permit: "create_template", Object: "the data center", Err: err}
	}
	return err
}

// removeVM removes the VM, with the disk or without. A disk that somebody else put in stays.
func (j *making) removeVM(ctx context.Context, withDisk bool) error {
	if j.vmID == "" {
		return nil
	}
	return remote.Await(ctx, j.patience(), "the VM that template "+j.Name+" was made from is removed", func() (bool, error) {
		vm, err := j.Engine.VM(ctx, j.vmID)
		switch {
		case errors.Is(err, ovirt.NotFound):
			return true, nil
		case err != nil || vm.Status != ovirt.StatusDown:
			return false, err
		}
		attached, err := j.Engine.DiskAttachments(ctx, j.vmID)
		if err != nil {
			return false, remote.Ignore(err)
		}
		for _, each := range attached {
			own, err := j.ownDisk(ctx, each.DiskID)
			if err == nil && (!own || !withDisk) {
				err = j.Engine.DetachDisk(ctx, j.vmID, each.DiskID)
			}
			if err != nil {
				return false, remote.Ignore(err)
			}
		}
		return false, remote.Ignore(j.Engine.RemoveVM(ctx, j.vmID))
	})
}

// ownDisk says whether we uploaded the disk; a copy of one has the mark of the other.
func (j *making) ownDisk(ctx context.Context, id string) (bool, error) {
	found, err := j.Engine.Disk(ctx, id)
	if err != nil {
		return false, err
	}
	mark, ok := machine.ParseImageMark(found.Description)
	return ok && mark.Disk == id, nil
}

// giveUp removes what was made, also when ctx has ended. A template that was there before stays.
func (j *making) giveUp(ctx context.Context, reused bool, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), remote.CleanupTime)
	defer cancel()
	var err error
	if j.asked && !reused {
		err = j.removeOwn(ctx)
	}
	if err == nil {
		err = j.removeVM(ctx, true)
	}
	if err == nil && j.diskID != "" {
		err = j.removeDisk(ctx)
	}
	if err != nil {
		return errors.Join(cause, &remote.LeftBehindError{What: "what template " + j.Name + " was to be made from", Err: err})
	}
	return cause
}

// removeOwn removes the template that the engine was asked for, if there is one.
func (j *making) removeOwn(ctx context.Context) error {
	return remote.Await(ctx, j.patience(), "template "+j.Name+" is removed", func() (bool, error) {
		own, err := j.version(ctx)
		switch {
		case err != nil:
			return false, err
		case own == nil:
			return true, nil
		case own.Status == ovirt.StatusLocked:
			return false, nil
		}
		return false, remote.Ignore(j.Engine.RemoveTemplate(ctx, own.ID))
	})
}

// removeDisk removes the uploaded disk that never came into the VM.
func (j *making) removeDisk(ctx context.Context) error {
	return remote.Await(ctx, j.patience(), "disk "+j.diskID+" is removed", func() (bool, error) {
		own, err := j.ownDisk(ctx, j.diskID)
		switch {
		case errors.Is(err, ovirt.NotFound):
			return true, nil
		case err != nil:
			return false, err
		case !own:
			return true, nil
		}
		return false, remote.Ignore(j.Engine.RemoveDisk(ctx, j.diskID))
	})
}

func (m *Maker) patience() time.Duration { return cmp.Or(m.Patience, remote.DefaultPatience) }
