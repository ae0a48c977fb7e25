package rest

import (
	"net/http"
	"slices"
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
	if err := missing("DiskAttachment", need{"disk", body.Disk != nil}); err != nil {
		return reply{}, err
	}
	if err := checkAttachment(&body); err != nil {
		return reply{}, err
	}
	add := engine.AttachmentAdd{
		DiskID: strings.ToLower(body.Disk.ID), Interface: body.Interface, Bootable: isTrue(body.Bootable), Active: isTrue(body.Active),
		ReadOnly: isTrue(body.ReadOnly), PassDiscard: isTrue(body.PassDiscard), SCSIReservation: isTrue(body.UsesSCSIReservation),
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

func (s *Server) updateAttachment(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	diskID, err := r.id("disk")
	if err != nil {
		return reply{}, err
	}
	var body DiskAttachment
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	change := engine.AttachmentChange{
		Bootable: (*bool)(body.Bootable), Active: (*bool)(body.Active), ReadOnly: (*bool)(body.ReadOnly),
		PassDiscard: (*bool)(body.PassDiscard), UsesSCSIReservation: (*bool)(body.UsesSCSIReservation),
	}
	if body.Interface != "" {
		change.Interface = &body.Interface
	}
	if body.Disk != nil && (body.Disk.Alias != nil || body.Disk.Name != nil || body.Disk.Description != nil || body.Disk.ProvisionedSize != nil) {
		disk := diskChange(body.Disk)
		change.Disk = &disk
	}
	if body.Disk == nil {
		body.Disk = &Disk{}
	}
	if err := checkAttachment(&body); err != nil {
		return reply{}, err
	}
	attachment, err := s.Engine.UpdateAttachment(r.call(), id, diskID, change)
	return reply{http.StatusOK, showAttachment(attachment, owner{"vms", id})}, err
}

func checkAttachment(a *DiskAttachment) error {
	if err := checkDisk(a.Disk); err != nil {
		return err
	}
	return checkEnums(enum{a.Interface, "DiskInterface", strings.Fields("ide sata spapr_vscsi virtio virtio_scsi")})
}

func (s *Server) removeAttachment(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	_, err = s.Engine.DetachDisk(r.call(), id, r.ids["disk"], r.flag("detach_only", true))
	return reply{status: http.StatusOK}, err
}

func (s *Server) listDisks(r *request) (collection, error) {
	disks, domains := s.Engine.Disks(), s.Engine.StorageDomains()
	names, dataCenters := map[string]string{}, map[string]string{}
	for _, d := range domains {
		names[d.ID], dataCenters[d.ID] = d.Name, d.DataCenterID
	}
	if _, ok := r.ids["storagedomain"]; ok {
		id, err := r.id("storagedomain")
		if err != nil {
			return collection{}, err
		}
		if _, ok := names[id]; !ok {
			return collection{}, &engine.Fault{Status: http.StatusNotFound}
		}
		disks = slices.DeleteFunc(disks, func(d engine.Disk) bool { return !d.On(id) })
	}
	return collect("disk", disks, func(d engine.Disk) item {
		on := []string{}
		for _, id := range d.DomainIDs() {
			on = append(on, names[id])
		}
		fields := search.Fields{
			"id": {d.ID}, "name": {d.Alias}, "alias": {d.Alias}, "description": {d.Description}, "status": {d.Status},
			"provisioned_size": {decimal(d.ProvisionedSize)}, "storage": on, "storage.name": on,
		}
		return item{d.ID, fields, func() any { return showDisk(d, dataCenters[d.StorageDomainID]) }}
	}), nil
}

// disksOn returns what finds the disks that are on the storage domain that the path names, which must exist.
func (s *Server) disksOn(r *request) (func([]engine.Attachment) bool, error) {
	disks, err := s.listDisks(r)
	if err != nil {
		return nil, err
	}
	here := map[string]bool{}
	for _, i := range disks.items {
		here[i.id] = true
	}
	return func(attachments []engine.Attachment) bool {
		return slices.ContainsFunc(attachments, func(a engine.Attachment) bool { return here[a.DiskID] })
	}, nil
}

// listVMsOn shows the VMs that have a disk on a storage domain.
func (s *Server) listVMsOn(r *request) (collection, error) {
	on, err := s.disksOn(r)
	if err != nil {
		return collection{}, err
	}
	here := map[string]bool{}
	vms := s.Engine.VMs()
	for i := range vms {
		here[vms[i].ID] = on(vms[i].Disks)
	}
	c, err := s.listVMs(r)
	c.items = slices.DeleteFunc(c.items, func(i item) bool { return !here[i.id] })
	return c, err
}

func (s *Server) addDisk(r *request) (reply, error) {
	var body Disk
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := checkDisk(&body); err != nil {
		return reply{}, err
	}
	add, err := diskAdd(&body)
	if err != nil {
		return reply{}, err
	}
	disk, err := s.Engine.AddDisk(r.call(), *add)
	return reply{http.StatusAccepted, showDisk(disk, s.dataCenterOf(disk))}, err
}

func (s *Server) updateDisk(r *request) (reply, error) {
	id, err := r.id("disk")
	if err != nil {
		return reply{}, err
	}
	var body Disk
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := checkDisk(&body); err != nil {
		return reply{}, err
	}
	disk, err := s.Engine.UpdateDisk(r.call(), id, diskChange(&body))
	return reply{http.StatusOK, showDisk(disk, s.dataCenterOf(disk))}, err
}

func (s *Server) removeDisk(r *request) (reply, error) {
	id, err := r.id("disk")
	if err != nil {
		return reply{}, err
	}
	_, err = s.Engine.RemoveDisk(r.call(), id)
	return reply{status: http.StatusOK}, err
}

func (s *Server) removeDiskCopy(r *request) (reply, error) {
	id, err := r.id("disk")
	if err != nil {
		return reply{}, err
	}
	_, err = s.Engine.RemoveDiskCopy(r.call(), r.ids["storagedomain"], id)
	return reply{status: http.StatusOK}, err
}

// actOnDisk makes the handler of a disk's action.
func (s *Server) actOnDisk(act func(call engine.Call, id string, body Action) (engine.Job, error)) func(*request) (reply, error) {
	return commandOn("disk", func(r *request, id string, body Action) (engine.Job, error) {
		if err := checkRefs(body.StorageDomain); err != nil {
			return engine.Job{}, err
		}
		if body.Disk == nil {
			body.Disk = &Disk{}
		}
		if err := checkDisk(body.Disk); err != nil {
			return engine.Job{}, err
		}
		return act(r.call(), id, body)
	})
}

func (s *Server) copyDisk(call engine.Call, id string, body Action) (engine.Job, error) {
	return s.Engine.CopyDisk(call, id, engineRef(body.StorageDomain), aliasOf(body.Disk))
}

func (s *Server) moveDisk(call engine.Call, id string, body Action) (engine.Job, error) {
	return s.Engine.MoveDisk(call, id, engineRef(body.StorageDomain))
}

func (s *Server) sparsifyDisk(call engine.Call, id string, _ Action) (engine.Job, error) {
	return s.Engine.SparsifyDisk(call, id)
}

func (s *Server) reduceDisk(call engine.Call, id string, _ Action) (engine.Job, error) {
	return s.Engine.ReduceDisk(call, id)
}

func (s *Server) convertDisk(call engine.Call, id string, body Action) (engine.Job, error) {
	return s.Engine.ConvertDisk(call, id, body.Disk.Format, (*bool)(body.Disk.Sparse))
}

func (s *Server) refreshLUN(call engine.Call, id string, _ Action) (engine.Job, error) {
	return s.Engine.RefreshLUN(call, id)
}

func (s *Server) dataCenterOf(d engine.Disk) string {
	for _, sd := range s.Engine.StorageDomains() {
		if sd.ID == d.StorageDomainID {
			return sd.DataCenterID
		}
	}
	return ""
}

// listDiskProfiles shows one profile for each storage domain, which has the domain's id and name.
func (s *Server) listDiskProfiles(r *request) (collection, error) {
	id := func(d engine.StorageDomain) string { return d.ID }
	domains, err := below(r, "storagedomain", s.Engine.StorageDomains(), id, s.Engine.StorageDomains(), id)
	return collect("disk_profile", domains, func(d engine.StorageDomain) item {
		href := ref("diskprofiles", d.ID).Href
		return item{d.ID, search.Fields{"id": {d.ID}, "name": {d.Name}}, func() any {
			return DiskProfile{Href: href, ID: d.ID, Link: subLinks(href, "permissions"), Name: d.Name, StorageDomain: *ref("storagedomains", d.ID)}
		}}
	}), err
}
