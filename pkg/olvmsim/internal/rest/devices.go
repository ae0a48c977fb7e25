package rest

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// hardware is what the VM or template that the path names has.
type hardware struct {
	of    owner
	nics  []engine.NIC
	disks []engine.Attachment
	// vm is nil for a template.
	vm       *engine.VM
	graphics []string
}

// hardwareOf returns what the VM or template that the path names has.
func (s *Server) hardwareOf(r *request) (hardware, error) {
	if _, ok := r.ids["vm"]; ok {
		id, err := r.id("vm")
		if err != nil {
			return hardware{}, err
		}
		v, err := s.Engine.VM(id)
		return hardware{owner{"vms", id}, v.NICs, v.Disks, &v, v.Graphics}, err
	}
	id, err := r.id("template")
	if err != nil {
		return hardware{}, err
	}
	for _, t := range s.Engine.Templates() {
		if t.ID == id {
			return hardware{owner{"templates", id}, t.NICs, t.Disks, nil, t.Graphics}, nil
		}
	}
	return hardware{}, &engine.Fault{Status: http.StatusNotFound}
}

// devices returns the NICs and disks of the VM or template that the path names.
func (s *Server) devices(r *request) (owner, []engine.NIC, []engine.Attachment, error) {
	h, err := s.hardwareOf(r)
	return h.of, h.nics, h.disks, err
}

// nothing is a collection of a VM or template that is always empty.
func (s *Server) nothing(key string) func(*request) (collection, error) {
	return func(r *request) (collection, error) {
		_, err := s.hardwareOf(r)
		return collection{key: key}, err
	}
}

// consoleID is the id of a graphics console: its protocol in hexadecimal digits.
func consoleID(protocol string) string {
	if protocol == engine.GraphicsSPICE {
		return "7370696365"
	}
	return "766e63"
}

// vncPort is where the first console of a host listens.
const vncPort = 5900

func (s *Server) showConsole(protocol string, h hardware) GraphicsConsole {
	id := consoleID(protocol)
	out := GraphicsConsole{Href: ref(h.of.collection, h.of.id).Href + "/graphicsconsoles/" + id, ID: id, Protocol: protocol}
	out.VM, out.Template = h.of.refs()
	if h.vm == nil || h.vm.HostID == "" {
		return out
	}
	for _, host := range s.Engine.Hosts() {
		if host.ID == h.vm.HostID {
			out.Address, out.Port = ptr(host.Address), ptr(Int(vncPort+slices.Index(h.graphics, protocol)))
		}
	}
	return out
}

func (s *Server) listConsoles(r *request) (collection, error) {
	h, err := s.hardwareOf(r)
	return collect("graphics_console", h.graphics, func(protocol string) item {
		id := consoleID(protocol)
		return item{id, search.Fields{"id": {id}}, func() any { return s.showConsole(protocol, h) }}
	}), err
}

// console finds the console that the path names: its id is no UUID.
func (s *Server) console(r *request) (string, hardware, error) {
	h, err := s.hardwareOf(r)
	if err != nil {
		return "", hardware{}, err
	}
	for _, protocol := range h.graphics {
		if consoleID(protocol) == strings.ToLower(r.ids["console"]) {
			return protocol, h, nil
		}
	}
	return "", hardware{}, &engine.Fault{Status: http.StatusNotFound}
}

func (s *Server) getConsole(r *request) (reply, error) {
	protocol, h, err := s.console(r)
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, s.showConsole(protocol, h)}, nil
}

func (s *Server) addConsole(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body GraphicsConsole
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := missing("GraphicsConsole", need{"protocol", body.Protocol != ""}); err != nil {
		return reply{}, err
	}
	if err := checkEnums(enum{body.Protocol, "GraphicsType", []string{engine.GraphicsSPICE, engine.GraphicsVNC}}); err != nil {
		return reply{}, err
	}
	if err := s.Engine.AddGraphics(r.call(), id, body.Protocol); err != nil {
		return reply{}, err
	}
	h, err := s.hardwareOf(r)
	return reply{http.StatusCreated, s.showConsole(body.Protocol, h)}, err
}

func (s *Server) removeConsole(r *request) (reply, error) {
	protocol, h, err := s.console(r)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveGraphics(r.call(), h.of.id, protocol)
}

// cdromID is the id of the one drive that every VM and template has.
const cdromID = engine.BlankTemplateID

func (r *request) showCDROM(h hardware) CDROM {
	out := CDROM{Href: ref(h.of.collection, h.of.id).Href + "/cdroms/" + cdromID, ID: cdromID}
	out.VM, out.Template = h.of.refs()
	if h.vm == nil {
		return out
	}
	file := h.vm.CDFile
	if r.flag("current", false) {
		file = h.vm.CurrentCDFile
	}
	if file != "" {
		out.File = &File{ID: file}
	}
	return out
}

func (s *Server) listCDROMs(r *request) (collection, error) {
	h, err := s.hardwareOf(r)
	return collect("cdrom", []string{cdromID}, func(id string) item {
		return item{id, search.Fields{"id": {id}}, func() any { return r.showCDROM(h) }}
	}), err
}

func (s *Server) updateCDROM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	if r.ids["cdrom"] != cdromID {
		return reply{status: http.StatusNotFound}, nil
	}
	var body CDROM
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	if err := missing("Cdrom", need{"file.id", body.File != nil}); err != nil {
		return reply{}, err
	}
	if err := s.Engine.ChangeCD(r.call(), id, body.File.ID, r.flag("current", false)); err != nil {
		return reply{}, err
	}
	h, err := s.hardwareOf(r)
	return reply{http.StatusOK, r.showCDROM(h)}, err
}

func (s *Server) listVMPermissions(r *request) (collection, error) {
	id, err := r.id("vm")
	if err != nil {
		return collection{}, err
	}
	permissions, err := s.Engine.PermissionsOn(id)
	return collect("permission", permissions, func(p engine.Permission) item {
		return item{p.ID, search.Fields{"id": {p.ID}}, func() any { return showPermission(p) }}
	}), err
}
