package rest

import (
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

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

// nic finds the NIC that the path names.
func (h hardware) nic(r *request) (engine.NIC, error) {
	for _, n := range h.nics {
		if n.ID == strings.ToLower(r.ids["nic"]) {
			return n, nil
		}
	}
	return engine.NIC{}, &engine.Fault{Status: http.StatusNotFound}
}

// plugNIC makes the handler of activate or deactivate.
func (s *Server) plugNIC(plug bool) func(*request) (reply, error) {
	return vmAction(func(r *request, id string, _ Action) (engine.Job, error) {
		_, job, err := s.Engine.PlugNIC(r.call(), id, r.ids["nic"], plug)
		return job, err
	})
}

// hostAction makes the handler of activate or deactivate.
func (s *Server) hostAction(command func(call engine.Call, id string) (engine.Job, error)) func(*request) (reply, error) {
	return commandOn("host", func(r *request, id string, _ Action) (engine.Job, error) { return command(r.call(), id) })
}
