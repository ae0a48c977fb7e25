package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
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
