package rest

import (
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// InstanceType is a named size; it looks like a template.
type InstanceType struct {
	CPU          *CPU          `json:"cpu,omitempty"`
	Description  string        `json:"description"`
	Href         string        `json:"href"`
	ID           string        `json:"id"`
	Link         []Link        `json:"link"`
	Memory       Int           `json:"memory"`
	MemoryPolicy *MemoryPolicy `json:"memory_policy,omitempty"`
	Name         string        `json:"name"`
	Status       string        `json:"status"`
}

func (s *Server) listInstanceTypes(*request) (collection, error) {
	return collect("instance_type", s.Engine.InstanceTypes(), func(t engine.InstanceType) item {
		fields := search.Fields{"id": {t.ID}, "name": {t.Name}, "description": {t.Description}}
		return item{t.ID, fields, func() any { return showInstanceType(t) }}
	}), nil
}

func showInstanceType(t engine.InstanceType) InstanceType {
	href := ref("instancetypes", t.ID).Href
	return InstanceType{
		CPU:         &CPU{Topology: &Topology{Cores: ptr(Int(1)), Sockets: ptr(Int(t.Sockets)), Threads: ptr(Int(1))}},
		Description: t.Description, Href: href, ID: t.ID, Link: subLinks(href, "graphicsconsoles", "nics", "watchdogs"), Memory: Int(t.Memory),
		MemoryPolicy: &MemoryPolicy{Guaranteed: ptr(Int(t.Memory)), Max: ptr(Int(4 * t.Memory))}, Name: t.Name, Status: engine.StatusOK,
	}
}
