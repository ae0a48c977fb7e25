package rest

import (
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// computeRoutes are those of VMs and of what belongs to them.
func (s *Server) computeRoutes() []route {
	return slices.Concat(s.vmRoutes(), s.vmActionRoutes(), s.nicRoutes(), s.vmPartRoutes(), s.templatePartRoutes(), s.arrangementRoutes())
}

func (s *Server) vmRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "instancetypes", handle: many(s.listInstanceTypes)},
		{method: get, pattern: "instancetypes/{instancetype}", handle: one(s.listInstanceTypes, "instancetype")},
		{method: get, pattern: "vms", handle: many(s.listVMs)},
		{method: post, pattern: "vms", handle: s.addVM, doc: "services/vms/methods/add"},
		{method: get, pattern: "vms/{vm}", handle: s.getVM},
		{method: put, pattern: "vms/{vm}", handle: s.updateVM, doc: "services/vm/methods/update"},
		{method: del, pattern: "vms/{vm}", handle: s.removeVM},
	}
}

func (s *Server) vmActionRoutes() []route {
	action := func(name, method string, handle func(*request) (reply, error)) route {
		return route{method: http.MethodPost, pattern: "vms/{vm}/" + name, handle: handle, doc: "services/vm/methods/" + method, action: true}
	}
	return []route{
		action("autopincpuandnumanodes", "auto_pin_cpu_and_numa_nodes", vmAction(s.accept("pin"))),
		action("cancelmigration", "cancel_migration", vmAction(plain(s.Engine.CancelMigration))),
		action("clone", "clone", vmAction(s.cloneVM)),
		action("commitsnapshot", "commit_snapshot", vmAction(s.endPreview(true))),
		action("detach", "detach", vmAction(plain(s.Engine.Detach))),
		action("export", "export", vmAction(s.accept("export"))),
		action("freezefilesystems", "freeze_filesystems", vmAction(s.freezeVM(true))),
		action("logon", "logon", vmAction(s.accept("logon"))),
		action("maintenance", "maintenance", vmAction(s.accept("maintain"))),
		action("migrate", "migrate", vmAction(s.migrateVM)),
		action("previewsnapshot", "preview_snapshot", vmAction(s.previewSnapshot)),
		action("reboot", "reboot", vmAction(plain(s.Engine.RebootVM))),
		action("reordermacaddresses", "reorder_mac_addresses", vmAction(plain(s.Engine.ReorderMACAddresses))),
		action("reset", "reset", vmAction(plain(s.Engine.ResetVM))),
		action("screenshot", "screenshot", vmAction(s.accept("screenshot"))),
		action("shutdown", "shutdown", vmAction(s.shutdownVM)),
		action("start", "start", vmAction(s.startVM)),
		action("stop", "stop", vmAction(s.stopVM)),
		action("suspend", "suspend", vmAction(plain(s.Engine.SuspendVM))),
		action("thawfilesystems", "thaw_filesystems", vmAction(s.freezeVM(false))),
		action("ticket", "ticket", actOn("vm", s.ticket)),
		action("undosnapshot", "undo_snapshot", vmAction(s.endPreview(false))),
	}
}

func (s *Server) nicRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "vms/{vm}/nics", handle: many(s.listNICs)},
		{method: post, pattern: "vms/{vm}/nics", handle: s.addNIC, doc: "services/vm_nics/methods/add"},
		{method: get, pattern: "vms/{vm}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: put, pattern: "vms/{vm}/nics/{nic}", handle: s.updateNIC, doc: "services/vm_nic/methods/update"},
		{method: del, pattern: "vms/{vm}/nics/{nic}", handle: s.removeNIC},
		{method: post, pattern: "vms/{vm}/nics/{nic}/activate", handle: s.plugNIC(true), doc: "services/vm_nic/methods/activate", action: true},
		{method: post, pattern: "vms/{vm}/nics/{nic}/deactivate", handle: s.plugNIC(false), doc: "services/vm_nic/methods/deactivate", action: true},
		{method: get, pattern: "vms/{vm}/nics/{nic}/statistics", handle: many(s.listNICStatistics)},
		{method: get, pattern: "vms/{vm}/nics/{nic}/statistics/{statistic}", handle: one(s.listNICStatistics, "statistic")},
		{method: get, pattern: "vms/{vm}/nics/{nic}/reporteddevices", handle: many(s.listReported)},
		{method: get, pattern: "vms/{vm}/nics/{nic}/reporteddevices/{device}", handle: one(s.listReported, "device")},
		{method: get, pattern: "vms/{vm}/nics/{nic}/networkfilterparameters", handle: many(s.nothing("network_filter_parameter"))},
	}
}

func (s *Server) vmPartRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "vms/{vm}/affinitylabels", handle: many(s.listAffinityLabels)},
		{method: post, pattern: "vms/{vm}/affinitylabels", handle: s.setLabel(engine.MemberVM, true), doc: "services/assigned_affinity_labels/methods/add"},
		{method: get, pattern: "vms/{vm}/affinitylabels/{label}", handle: one(s.listAffinityLabels, "label")},
		{method: del, pattern: "vms/{vm}/affinitylabels/{label}", handle: s.setLabel(engine.MemberVM, false)},
		{method: get, pattern: "vms/{vm}/applications", handle: many(s.nothing("application"))},
		{method: get, pattern: "vms/{vm}/cdroms", handle: many(s.listCDROMs)},
		{method: get, pattern: "vms/{vm}/cdroms/{cdrom}", handle: one(s.listCDROMs, "cdrom")},
		{method: put, pattern: "vms/{vm}/cdroms/{cdrom}", handle: s.updateCDROM, doc: "services/vm_cdrom/methods/update"},
		{method: get, pattern: "vms/{vm}/graphicsconsoles", handle: many(s.listConsoles)},
		{method: post, pattern: "vms/{vm}/graphicsconsoles", handle: s.addConsole, doc: "services/vm_graphics_consoles/methods/add"},
		{method: get, pattern: "vms/{vm}/graphicsconsoles/{console}", handle: s.getConsole},
		{method: del, pattern: "vms/{vm}/graphicsconsoles/{console}", handle: s.removeConsole},
		{method: get, pattern: "vms/{vm}/hostdevices", handle: many(s.nothing("host_device"))},
		{method: get, pattern: "vms/{vm}/mediateddevices", handle: many(s.nothing("vm_mediated_device"))},
		{method: get, pattern: "vms/{vm}/numanodes", handle: many(s.nothing("vm_numa_node"))},
		{method: get, pattern: "vms/{vm}/permissions", handle: many(s.listVMPermissions)},
		{method: get, pattern: "vms/{vm}/permissions/{permission}", handle: one(s.listVMPermissions, "permission")},
		{method: get, pattern: "vms/{vm}/reporteddevices", handle: many(s.listReported)},
		{method: get, pattern: "vms/{vm}/reporteddevices/{device}", handle: one(s.listReported, "device")},
		{method: get, pattern: "vms/{vm}/sessions", handle: many(s.nothing("session"))},
		{method: get, pattern: "vms/{vm}/snapshots", handle: many(s.listSnapshots)},
		{method: post, pattern: "vms/{vm}/snapshots", handle: s.addSnapshot, doc: "services/snapshots/methods/add"},
		{method: get, pattern: "vms/{vm}/snapshots/{snapshot}", handle: one(s.listSnapshots, "snapshot")},
		{method: del, pattern: "vms/{vm}/snapshots/{snapshot}", handle: s.removeSnapshot},
		{
			method: post, pattern: "vms/{vm}/snapshots/{snapshot}/restore", handle: s.restoreSnapshot, doc: "services/snapshot/methods/restore",
			action: true,
		},
		{method: get, pattern: "vms/{vm}/statistics", handle: many(s.listVMStatistics)},
		{method: get, pattern: "vms/{vm}/statistics/{statistic}", handle: one(s.listVMStatistics, "statistic")},
		{method: get, pattern: "vms/{vm}/tags", handle: many(s.listVMTags)},
		{method: post, pattern: "vms/{vm}/tags", handle: s.tagVM, doc: "services/assigned_tags/methods/add"},
		{method: get, pattern: "vms/{vm}/tags/{tag}", handle: one(s.listVMTags, "tag")},
		{method: del, pattern: "vms/{vm}/tags/{tag}", handle: s.untagVM},
		{method: get, pattern: "vms/{vm}/watchdogs", handle: many(s.nothing("watchdog"))},
	}
}

func (s *Server) templatePartRoutes() []route {
	get := http.MethodGet
	return []route{
		{method: get, pattern: "templates/{template}/nics", handle: many(s.listNICs)},
		{method: get, pattern: "templates/{template}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: get, pattern: "templates/{template}/cdroms", handle: many(s.listCDROMs)},
		{method: get, pattern: "templates/{template}/cdroms/{cdrom}", handle: one(s.listCDROMs, "cdrom")},
		{method: get, pattern: "templates/{template}/graphicsconsoles", handle: many(s.listConsoles)},
		{method: get, pattern: "templates/{template}/graphicsconsoles/{console}", handle: s.getConsole},
		{method: get, pattern: "templates/{template}/tags", handle: many(s.nothing("tag"))},
		{method: get, pattern: "templates/{template}/watchdogs", handle: many(s.nothing("watchdog"))},
	}
}

// arrangementRoutes are those of tags, affinity groups, affinity labels, and of hosts as far as VMs leave or come.
func (s *Server) arrangementRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	vms, hosts := members{engine.MemberVM, "vms"}, members{engine.MemberHost, "hosts"}
	const group = "clusters/{cluster}/affinitygroups/{group}"
	routes := []route{
		{method: get, pattern: "tags", handle: many(s.listTags)},
		{method: post, pattern: "tags", handle: s.addTag, doc: "services/tags/methods/add"},
		{method: get, pattern: "tags/{tag}", handle: one(s.listTags, "tag")},
		{method: put, pattern: "tags/{tag}", handle: s.updateTag, doc: "services/tag/methods/update"},
		{method: del, pattern: "tags/{tag}", handle: s.removeTag},
		{method: get, pattern: "clusters/{cluster}/affinitygroups", handle: many(s.listAffinityGroups)},
		{method: post, pattern: "clusters/{cluster}/affinitygroups", handle: s.addAffinityGroup, doc: "services/affinity_groups/methods/add"},
		{method: get, pattern: group, handle: one(s.listAffinityGroups, "group")},
		{method: put, pattern: group, handle: s.updateAffinityGroup, doc: "services/affinity_group/methods/update"},
		{method: del, pattern: group, handle: s.removeAffinityGroup},
		{method: get, pattern: "affinitylabels", handle: many(s.listAffinityLabels)},
		{method: post, pattern: "affinitylabels", handle: s.addAffinityLabel, doc: "services/affinity_labels/methods/add"},
		{method: get, pattern: "affinitylabels/{label}", handle: one(s.listAffinityLabels, "label")},
		{method: put, pattern: "affinitylabels/{label}", handle: s.updateAffinityLabel, doc: "services/affinity_label/methods/update"},
		{method: del, pattern: "affinitylabels/{label}", handle: s.removeAffinityLabel},
		{method: get, pattern: "affinitylabels/{label}/vms", handle: many(s.listLabelMembers(vms, "vm"))},
		{method: post, pattern: "affinitylabels/{label}/vms", handle: s.setLabel(engine.MemberVM, true), doc: "services/affinity_label_vms/methods/add"},
		{method: del, pattern: "affinitylabels/{label}/vms/{vm}", handle: s.setLabel(engine.MemberVM, false)},
		{method: get, pattern: "affinitylabels/{label}/hosts", handle: many(s.listLabelMembers(hosts, "host"))},
		{
			method: post, pattern: "affinitylabels/{label}/hosts", handle: s.setLabel(engine.MemberHost, true),
			doc: "services/affinity_label_hosts/methods/add",
		},
		{method: del, pattern: "affinitylabels/{label}/hosts/{host}", handle: s.setLabel(engine.MemberHost, false)},
		{method: get, pattern: "hosts/{host}/affinitylabels", handle: many(s.listAffinityLabels)},
		{
			method: post, pattern: "hosts/{host}/affinitylabels", handle: s.setLabel(engine.MemberHost, true),
			doc: "services/assigned_affinity_labels/methods/add",
		},
		{method: get, pattern: "hosts/{host}/affinitylabels/{label}", handle: one(s.listAffinityLabels, "label")},
		{method: del, pattern: "hosts/{host}/affinitylabels/{label}", handle: s.setLabel(engine.MemberHost, false)},
		{method: post, pattern: "hosts/{host}/activate", handle: s.hostAction(s.Engine.ActivateHost), doc: "services/host/methods/activate", action: true},
		{method: post, pattern: "hosts/{host}/deactivate", handle: s.hostAction(s.Engine.MaintainHost), doc: "services/host/methods/deactivate", action: true},
	}
	for _, m := range []struct {
		members
		path, doc string
	}{
		{vms, "vms", "affinity_group_vms"},
		{hosts, "hosts", "affinity_group_hosts"},
		{members{engine.MemberVMLabel, "affinitylabels"}, "vmlabels", "affinity_group_vm_labels"},
		{members{engine.MemberHostLabel, "affinitylabels"}, "hostlabels", "affinity_group_host_labels"},
	} {
		path := group + "/" + m.path
		routes = append(routes,
			route{method: get, pattern: path, handle: many(s.listMembers(m.members))},
			route{method: post, pattern: path, handle: s.addMember(m.members), doc: "services/" + m.doc + "/methods/add"},
			route{method: del, pattern: path + "/{member}", handle: s.removeMember(m.members)},
		)
	}
	return routes
}
