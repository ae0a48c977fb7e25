package rest

import "net/http"

// storageRoutes are those of storage domains, disks, templates and image transfers.
func (s *Server) storageRoutes() []route {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	return []route{
		{method: get, pattern: "datacenters/{datacenter}/storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "datacenters/{datacenter}/storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "storagedomains", handle: many(s.listStorageDomains)},
		{method: get, pattern: "storagedomains/{storagedomain}", handle: one(s.listStorageDomains, "storagedomain")},
		{method: get, pattern: "storagedomains/{storagedomain}/disks", handle: many(s.listDisks)},
		{method: get, pattern: "templates", handle: many(s.listTemplates)},
		{method: get, pattern: "templates/{template}", handle: one(s.listTemplates, "template")},
		{method: del, pattern: "templates/{template}", handle: s.removeTemplate},
		{method: get, pattern: "templates/{template}/diskattachments", handle: many(s.listAttachments)},
		{method: get, pattern: "templates/{template}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
		{method: get, pattern: "disks", handle: many(s.listDisks)},
		{method: get, pattern: "disks/{disk}", handle: one(s.listDisks, "disk")},
		{method: del, pattern: "disks/{disk}", handle: s.removeDisk},
		{method: get, pattern: "vms/{vm}/diskattachments", handle: many(s.listAttachments)},
		{method: post, pattern: "vms/{vm}/diskattachments", handle: s.addAttachment, doc: "services/disk_attachments/methods/add"},
		{method: get, pattern: "vms/{vm}/diskattachments/{disk}", handle: one(s.listAttachments, "disk")},
		{method: del, pattern: "vms/{vm}/diskattachments/{disk}", handle: s.removeAttachment},
	}
}
