package rest

import (
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// devices returns the NICs and disks of the VM or template that the path names.
func (s *Server) devices(r *request) (owner, []engine.NIC, []engine.Attachment, error) {
	if _, ok := r.ids["vm"]; ok {
		id, err := r.id("vm")
		if err != nil {
			return owner{}, nil, nil, err
		}
		v, err := s.Engine.VM(id)
		return owner{"vms", id}, v.NICs, v.Disks, err
	}
	id, err := r.id("template")
	if err != nil {
		return owner{}, nil, nil, err
	}
	for _, t := range s.Engine.Templates() {
		if t.ID == id {
			return owner{"templates", id}, t.NICs, t.Disks, nil
		}
	}
	return owner{}, nil, nil, &engine.Fault{Status: http.StatusNotFound}
}

func (s *Server) listNICs(r *request) (collection, error) {
	of, nics, _, err := s.devices(r)
	return collect("nic", nics, func(n engine.NIC) item {
		return item{n.ID, search.Fields{"id": {n.ID}, "name": {n.Name}}, func() any { return showNIC(n, of) }}
	}), err
}

func (s *Server) addNIC(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	change, err := r.nicChange()
	if err != nil {
		return reply{}, err
	}
	if err := missing("Nic", need{"name", change.Name != nil}); err != nil {
		return reply{}, err
	}
	nic, err := s.Engine.AddNIC(r.call(), id, change)
	return reply{http.StatusCreated, showNIC(nic, owner{"vms", id})}, err
}

func (s *Server) updateNIC(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	change, err := r.nicChange()
	if err != nil {
		return reply{}, err
	}
	nic, err := s.Engine.UpdateNIC(r.call(), id, r.ids["nic"], change)
	return reply{http.StatusOK, showNIC(nic, owner{"vms", id})}, err
}

func (r *request) nicChange() (engine.NICChange, error) {
	var body NIC
	if err := r.decode(&body); err != nil {
		return engine.NICChange{}, err
	}
	change := engine.NICChange{Name: body.Name, Interface: body.Interface, Linked: (*bool)(body.Linked), Plugged: (*bool)(body.Plugged)}
	if body.MAC != nil {
		change.MAC = &body.MAC.Address
	}
	if body.VNICProfile != nil {
		change.ProfileID = &body.VNICProfile.ID
	}
	if err := checkRefs(body.VNICProfile); err != nil {
		return engine.NICChange{}, err
	}
	interfaces := strings.Fields("e1000 e1000e pci_passthrough rtl8139 rtl8139_virtio spapr_vlan virtio")
	return change, checkEnums(enum{value(change.Interface), "NicInterface", interfaces})
}

func (s *Server) removeNIC(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveNIC(r.call(), id, r.ids["nic"])
}

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
