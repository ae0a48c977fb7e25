package rest

import (
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func (s *Server) listAttachments(r *request) (collection, error) {
	of, _, attachments, err := s.devices(r)
	return collect("disk_attachment", attachments, func(a engine.Attachment) item {
		return item{a.DiskID, search.Fields{"id": {a.DiskID}}, func() any { return showAttachment(a, of) }}
	}), err
}

func (s *Server) addAttachment(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body DiskAttachment
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := missing("DiskAttachment", need{"disk", body.Disk != nil}, need{"bootable", body.Bootable != nil}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(&Ref{ID: body.Disk.ID}); err != nil {
		return reply{}, err
	}
	interfaces := strings.Fields("ide sata spapr_vscsi virtio virtio_scsi")
	if err := checkEnums(enum{body.Interface, "DiskInterface", interfaces}, diskFormat(body.Disk.Format)); err != nil {
		return reply{}, err
	}
	add := engine.AttachmentAdd{
		DiskID: body.Disk.ID, Interface: body.Interface, Bootable: isTrue(body.Bootable), Active: isTrue(body.Active), ReadOnly: isTrue(body.ReadOnly),
	}
	status := http.StatusCreated
	if add.DiskID == "" {
		status = http.StatusAccepted
		if add.New, err = diskAdd(body.Disk); err != nil {
			return reply{}, err
		}
	}
	attachment, err := s.Engine.AttachDisk(r.call(), id, add)
	return reply{status, showAttachment(attachment, owner{"vms", id})}, err
}

func diskAdd(d *Disk) (*engine.DiskAdd, error) {
	if err := missing("Disk", need{"provisionedSize", d.ProvisionedSize != nil}, need{"format", d.Format != ""}); err != nil {
		return nil, err
	}
	add := &engine.DiskAdd{
		Alias: value(d.Alias), Description: value(d.Description), Format: d.Format, ProvisionedSize: int64(*d.ProvisionedSize),
		Sparse: isTrue(d.Sparse), Shareable: isTrue(d.Shareable), Wipe: isTrue(d.WipeAfterDelete), StorageDomain: storageDomainOf(d),
	}
	if add.Alias == "" {
		add.Alias = value(d.Name)
	}
	return add, nil
}

func (s *Server) removeAttachment(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.DetachDisk(r.call(), id, r.ids["disk"], r.flag("detach_only", true))
}

func (s *Server) listDisks(r *request) (collection, error) {
	disks, err := below(r, "storagedomain", s.Engine.StorageDomains(), func(d engine.StorageDomain) string { return d.ID }, s.Engine.Disks(),
		func(d engine.Disk) string { return d.StorageDomainID })
	domains := map[string]string{}
	for _, d := range s.Engine.StorageDomains() {
		domains[d.ID] = d.Name
	}
	return collect("disk", disks, func(d engine.Disk) item {
		fields := search.Fields{
			"id": {d.ID}, "name": {d.Alias}, "alias": {d.Alias}, "description": {d.Description}, "status": {d.Status},
			"storage": {domains[d.StorageDomainID]}, "storage.name": {domains[d.StorageDomainID]},
		}
		return item{d.ID, fields, func() any { return showDisk(d) }}
	}), err
}

func (s *Server) removeDisk(r *request) (reply, error) {
	id, err := r.id("disk")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveDisk(r.call(), id)
}

func diskFormat(format string) enum { return enum{format, "DiskFormat", []string{"cow", "raw"}} }

func isTrue(b *Bool) bool { return b != nil && bool(*b) }
