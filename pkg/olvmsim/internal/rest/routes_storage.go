package rest

import (
	"net/http"
	"slices"
)

// storageRoutes are those of storage domains, disks, templates and image transfers.
func (s *Server) storageRoutes() []route {
	return slices.Concat(s.domainRoutes(), s.diskRoutes(), s.templateRoutes(), s.transferRoutes())
}

func (s *Server) domainRoutes() []route {
	get, del := http.MethodGet, http.MethodDelete
	return []route{
		{method: get, pattern: "datacenters/{datacenter}/storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "datacenters/{datacenter}/storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "datacenters/{datacenter}/quotas/{quota}", handle: one(s.listQuotas, "quota")},
		{method: get, pattern: "storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "storagedomains/{storagedomain}/diskprofiles", handle: many(s.listDiskProfiles)},
		{method: get, pattern: "storagedomains/{storagedomain}/templates", handle: many(s.listTemplates)},
		{method: get, pattern: "storagedomains/{storagedomain}/vms", handle: many(s.listVMsOn)},
		{method: get, pattern: "diskprofiles", handle: many(s.listDiskProfiles)},
		{method: get, pattern: "diskprofiles/{diskprofile}", handle: one(s.listDiskProfiles, "diskprofile")},
		{method: get, pattern: "storagedomains/{storagedomain}/disks", handle: many(s.listDisks)},
		{method: get, pattern: "storagedomains/{storagedomain}/disks/{disk}", handle: one(s.listDisks, "disk")},
		{method: del, pattern: "storagedomains/{storagedomain}/disks/{disk}", handle: s.removeDiskCopy},
	}
}

func (s *Server) diskRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "disks", handle: many(s.listDisks)},
		{method: post, pattern: "disks", handle: s.addDisk, doc: "services/disks/methods/add"},
		{method: get, pattern: "disks/{disk}", handle: one(s.listDisks, "disk")},
		{method: put, pattern: "disks/{disk}", handle: s.updateDisk, doc: "services/disk/methods/update"},
		{method: del, pattern: "disks/{disk}", handle: s.removeDisk},
		{method: post, pattern: "disks/{disk}/copy", handle: s.actOnDisk(s.copyDisk), doc: "services/disk/methods/copy", action: true},
		{method: post, pattern: "disks/{disk}/move", handle: s.actOnDisk(s.moveDisk), doc: "services/disk/methods/move", action: true},
		{method: post, pattern: "disks/{disk}/sparsify", handle: s.actOnDisk(s.sparsifyDisk), doc: "services/disk/methods/sparsify", action: true},
		{method: post, pattern: "disks/{disk}/reduce", handle: s.actOnDisk(s.reduceDisk), doc: "services/disk/methods/reduce", action: true},
		{method: post, pattern: "disks/{disk}/convert", handle: s.actOnDisk(s.convertDisk), doc: "services/disk/methods/convert", action: true},
		{method: post, pattern: "disks/{disk}/refreshlun", handle: s.actOnDisk(s.refreshLUN), doc: "services/disk/methods/refresh_lun", action: true},
		{method: get, pattern: "vms/{vm}/diskattachments", handle: many(s.listAttachments)},
		{method: post, pattern: "vms/{vm}/diskattachments", handle: s.addAttachment, doc: "services/disk_attachments/methods/add"},
		{method: get, pattern: "vms/{vm}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
		{method: put, pattern: "vms/{vm}/diskattachments/{disk}", handle: s.updateAttachment, doc: "services/disk_attachment/methods/update"},
		{method: del, pattern: "vms/{vm}/diskattachments/{disk}", handle: s.removeAttachment},
	}
}

func (s *Server) templateRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "templates", handle: many(s.listTemplates)},
		{method: post, pattern: "templates", handle: s.addTemplate, doc: "services/templates/methods/add"},
		{method: get, pattern: "templates/{template}", handle: one(s.listTemplates, "template")},
		{method: put, pattern: "templates/{template}", handle: s.updateTemplate, doc: "services/template/methods/update"},
		{method: del, pattern: "templates/{template}", handle: s.removeTemplate},
		{method: get, pattern: "templates/{template}/diskattachments", handle: many(s.listAttachments)},
		{method: get, pattern: "templates/{template}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
	}
}

func (s *Server) transferRoutes() []route {
	get, post := http.MethodGet, http.MethodPost
	act := func(name string, handle func(*request) (reply, error)) route {
		return route{method: post, pattern: "imagetransfers/{imagetransfer}/" + name, handle: handle, doc: "services/image_transfer/methods/" + name}
	}
	return []route{
		{method: get, pattern: "imagetransfers", handle: many(s.listTransfers)},
		{method: post, pattern: "imagetransfers", handle: s.addTransfer, doc: "services/image_transfers/methods/add"},
		{method: get, pattern: "imagetransfers/{imagetransfer}", handle: one(s.listTransfers, "imagetransfer")},
		act("cancel", s.actOnTransfer(s.Engine.CancelTransfer)),
		act("extend", s.actOnTransfer(s.Engine.ExtendTransfer)),
		act("finalize", s.actOnTransfer(s.Engine.FinalizeTransfer)),
		act("pause", s.actOnTransfer(s.Engine.PauseTransfer)),
		act("resume", s.actOnTransfer(s.Engine.ResumeTransfer)),
	}
}
