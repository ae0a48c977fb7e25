package rest

import (
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// listTemplates shows all templates, or those that have a disk on a storage domain.
func (s *Server) listTemplates(r *request) (collection, error) {
	names := s.names()
	templates := s.Engine.Templates()
	if _, ok := r.ids["storagedomain"]; ok {
		on, err := s.disksOn(r)
		if err != nil {
			return collection{}, err
		}
		templates = slices.DeleteFunc(templates, func(t engine.Template) bool { return !on(t.Disks) })
	}
	return collect("template", templates, func(t engine.Template) item {
		fields := search.Fields{
			"id": {t.ID}, "name": {t.Name}, "description": {t.Description}, "comment": {t.Comment}, "status": {t.Status},
			"version_name": {versionName(t)}, "version_number": {decimal(t.Version)},
			"os": {t.OSType}, "cluster": {names.cluster[t.ClusterID]}, "datacenter": {names.clusterDataCenter[t.ClusterID]},
		}
		return item{t.ID, fields, func() any { return showTemplate(t) }}
	}), nil
}

func (s *Server) addTemplate(r *request) (reply, error) {
	var body Template
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	add := engine.TemplateAdd{
		Name: value(body.Name), Description: value(body.Description), Comment: value(body.Comment), Cluster: engineRef(body.Cluster),
	}
	var source VM
	if body.VM != nil {
		source = *body.VM
	}
	add.VM = engine.Ref{ID: source.ID, Name: value(source.Name)}
	if body.Version != nil {
		add.Base, add.VersionName = engineRef(body.Version.BaseTemplate), value(body.Version.VersionName)
	}
	if err := missing("Template", need{"name", add.Name != "" || add.Base != engine.Ref{}}, need{"vm.id|name", add.VM != engine.Ref{}}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(body.Cluster, &Ref{ID: source.ID}, &Ref{ID: add.Base.ID}); err != nil {
		return reply{}, err
	}
	var err error
	if add.Disks, err = placements(source.DiskAttachments); err != nil {
		return reply{}, err
	}
	if add.VMChange, err = vmChange(templateHardware(&body)); err != nil {
		return reply{}, err
	}
	t, err := s.Engine.AddTemplate(r.call(), add)
	status := http.StatusCreated
	if t.Status == engine.StatusLocked {
		status = http.StatusAccepted
	}
	return reply{status, showTemplate(t)}, err
}

// templateHardware is what a template says of the VMs that are made from it.
func templateHardware(t *Template) *VM {
	return &VM{
		BIOS: t.BIOS, CPU: t.CPU, HighAvailability: t.HighAvailability, Memory: t.Memory, MemoryPolicy: t.MemoryPolicy, OS: t.OS,
		Type: t.Type, Stateless: t.Stateless, CustomProperties: t.CustomProperties, TimeZone: t.TimeZone,
	}
}

func (s *Server) updateTemplate(r *request) (reply, error) {
	id, err := r.id("template")
	if err != nil {
		return reply{}, err
	}
	var body Template
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	change := engine.TemplateChange{Name: body.Name, Description: body.Description, Comment: body.Comment}
	if body.Version != nil {
		change.VersionName = body.Version.VersionName
	}
	t, err := s.Engine.UpdateTemplate(r.call(), id, change)
	return reply{http.StatusOK, showTemplate(t)}, err
}

func (s *Server) removeTemplate(r *request) (reply, error) {
	id, err := r.id("template")
	if err != nil {
		return reply{}, err
	}
	_, err = s.Engine.RemoveTemplate(r.call(), id)
	return reply{status: http.StatusOK}, err
}

func showTemplate(t engine.Template) Template {
	self := ref("templates", t.ID)
	h := showHardware(t.Hardware)
	return Template{
		Actions: actionLinks(self.Href, "export"), BIOS: h.BIOS, Cluster: ref("clusters", t.ClusterID), Comment: ptr(t.Comment), CPU: h.CPU,
		CPUShares: h.CPUShares, CreationTime: millis(t.CreationTime), CustomCPUModel: h.CustomCPUModel,
		CustomEmulatedMachine: h.CustomEmulatedMachine, CustomProperties: h.CustomProperties, DeleteProtected: h.DeleteProtected,
		Description: ptr(t.Description), Display: h.Display, HighAvailability: h.HighAvailability, Href: self.Href, ID: t.ID, IO: h.IO,
		Link:   subLinks(self.Href, "cdroms", "diskattachments", "graphicsconsoles", "nics", "permissions", "tags", "watchdogs"),
		Memory: h.Memory, MemoryPolicy: h.MemoryPolicy, Migration: h.Migration, MigrationDowntime: h.MigrationDowntime,
		MultiQueuesEnabled: h.MultiQueuesEnabled, Name: ptr(t.Name), Origin: ptr("ovirt"), OS: h.OS, PlacementPolicy: h.PlacementPolicy,
		StartPaused: h.StartPaused, Stateless: h.Stateless, Status: t.Status, StorageErrorResumeBehaviour: h.StorageErrorResumeBehaviour,
		TimeZone: h.TimeZone, Type: h.Type, USB: h.USB, Version: &TemplateVersion{
			BaseTemplate: ref("templates", t.BaseID), VersionName: ptr(versionName(t)), VersionNumber: ptr(Int(t.Version)),
		},
	}
}

func versionName(t engine.Template) string {
	if t.VersionName == "" && t.Version == 1 {
		return "base version"
	}
	return t.VersionName
}
