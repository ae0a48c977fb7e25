package engine

import (
	"fmt"
	"slices"
	"strings"
)

// RemoveTemplate removes a template and its disks.
func (e *Engine) RemoveTemplate(call Call, id string) (Job, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.templates[id]
	if !ok {
		return Job{}, noEntity()
	}
	if err := e.authorize(call, permitDeleteTemplate, Object{TypeTemplate, id}); err != nil {
		return Job{}, err
	}
	if id == BlankTemplateID {
		return Job{}, conflict(msgBlankTemplate)
	}
	switch {
	case t.Status == StatusLocked:
		return Job{}, conflict(msgTemplateLocked, "remove Template")
	case t.DeleteProtected:
		return Job{}, conflict(msgTemplateProtected)
	}
	var users []string
	for _, v := range e.vms {
		if v.TemplateID == id {
			users = append(users, v.Name)
		}
		if v.TemplateID != id && v.OriginalTemplateID == id && e.nameLocks[v.Name] {
			return Job{}, conflict(msgTemplateUsedCreate, v.Name)
		}
	}
	if len(users) > 0 {
		slices.Sort(users)
		return Job{}, conflict(msgTemplateInUse, strings.Join(users, ", "))
	}
	if versions := e.versionsOf(t); len(versions) > 0 {
		return Job{}, conflict(msgTemplateVersions, strings.Join(versions, ", "))
	}
	for _, a := range t.Disks {
		if err := e.checkIdle("remove", e.disks[a.DiskID]); err != nil && e.disks[a.DiskID].Status == StatusLocked {
			return Job{}, err
		}
	}
	t.Status = StatusLocked
	for _, a := range t.Disks {
		e.disks[a.DiskID].Status = StatusLocked
	}
	job := e.startJob(call, fmt.Sprintf("Removing Template %s from system", t.Name))
	e.later(removeTime, func() {
		for _, a := range t.Disks {
			e.dropDisk(a.DiskID)
		}
		delete(e.templates, id)
		e.forget(Object{TypeTemplate, id})
		e.finishJob(job)
	})
	return *job, nil
}

// templateList is in the order of names and versions.
func (e *Engine) templateList() []*Template {
	return sortedByName(e.templates, func(t *Template) (string, string) { return t.Name, fmt.Sprintf("%09d", t.Version) })
}
