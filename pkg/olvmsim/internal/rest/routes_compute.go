package rest

import "net/http"

// computeRoutes are those of VMs and of what belongs to them.
func (s *Server) computeRoutes() []route {
	get, post, put, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
	return []route{
		{method: get, pattern: "templates/{template}/nics", handle: many(s.listNICs)},
		{method: get, pattern: "templates/{template}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: get, pattern: "vms", handle: many(s.listVMs)},
		{method: post, pattern: "vms", handle: s.addVM, doc: "services/vms/methods/add"},
		{method: get, pattern: "vms/{vm}", handle: s.getVM},
		{method: put, pattern: "vms/{vm}", handle: s.updateVM, doc: "services/vm/methods/update"},
		{method: del, pattern: "vms/{vm}", handle: s.removeVM},
		{method: post, pattern: "vms/{vm}/start", handle: s.startVM, doc: "services/vm/methods/start", action: true},
		{method: post, pattern: "vms/{vm}/stop", handle: s.powerVM(s.Engine.StopVM), doc: "services/vm/methods/stop", action: true},
		{method: post, pattern: "vms/{vm}/shutdown", handle: s.powerVM(s.Engine.ShutdownVM), doc: "services/vm/methods/shutdown", action: true},
		{method: get, pattern: "vms/{vm}/nics", handle: many(s.listNICs)},
		{method: post, pattern: "vms/{vm}/nics", handle: s.addNIC, doc: "services/vm_nics/methods/add"},
		{method: get, pattern: "vms/{vm}/nics/{nic}", handle: one(s.listNICs, "nic")},
		{method: put, pattern: "vms/{vm}/nics/{nic}", handle: s.updateNIC, doc: "services/vm_nic/methods/update"},
		{method: del, pattern: "vms/{vm}/nics/{nic}", handle: s.removeNIC},
	}
}
