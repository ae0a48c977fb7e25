package engine

import (
	"fmt"
	"slices"
	"strings"
)

// RemoveTemplate removes a template and its disks.
func (e *Engine) RemoveTemplate(call Call, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.templates[id]
	if !ok {
		return noEntity()
	}
	if err := e.authorize(call, permitDeleteTemplate, Object{TypeTemplate, id}); err != nil {
		return err
	}
	if id == BlankTemplateID {
		return conflict(msgBlankTemplate)
	}
	if t.Status != StatusOK {
		return conflict(msgTemplateLocked, "remove Template")
	}
	var users []string
	for _, v := range e.vms {
		if v.TemplateID == id {
			users = append(users, v.Name)
		}
		if v.TemplateID != id && v.OriginalTemplateID == id && e.nameLocks[v.Name] {
			return conflict(msgTemplateUsedCreate, v.Name)
		}
	}
	if len(users) > 0 {
		slices.Sort(users)
		return conflict(msgTemplateInUse, strings.Join(users, ", "))
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
	return nil
}

// templateList is in the order of names and versions.
func (e *Engine) templateList() []*Template {
	return sortedByName(e.templates, func(t *Template) (string, string) { return t.Name, fmt.Sprintf("%09d", t.Version) })
}
