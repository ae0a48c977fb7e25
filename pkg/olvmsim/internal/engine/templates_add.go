package engine

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
)

// TemplateAdd is a request for a template that is made from a VM.
type TemplateAdd struct {
	Name, Description, Comment string
	// VM is the source; Cluster, if it is given, takes the place of the VM's.
	VM, Cluster Ref
	// Base is the template that this becomes a version of, if any.
	Base        Ref
	VersionName string
	// Disks say where copies go and in which format.
	Disks []DiskPlacement
	VMChange
}

// TemplateChange is what a PUT may say of a template; nil means "not said".
type TemplateChange struct{ Name, Description, Comment, VersionName *string }

// AddTemplate makes a template from a VM that is down. With disks to copy, both are locked for a while.
func (e *Engine) AddTemplate(call Call, add TemplateAdd) (Template, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := pickRef(sortedByName(e.vms, func(v *VM) (string, string) { return v.Name, v.ID }), add.VM, func(v *VM) Ref { return Ref{v.ID, v.Name} })
	if !ok {
		return Template{}, noReferenced("Vm", add.VM)
	}
	clusterID := v.ClusterID
	if add.Cluster != (Ref{}) {
		cluster, ok := pickRef(e.clusters, add.Cluster, func(c Cluster) Ref { return Ref{c.ID, c.Name} })
		if !ok {
			return Template{}, noReferenced("Cluster", add.Cluster)
		}
		clusterID = cluster.ID
	}
	dc := Object{TypeDataCenter, e.clusterByID(clusterID).DataCenterID}
	if err := e.authorize(call, permitCreateTemplate, dc, Object{TypeVM, v.ID}); err != nil {
		return Template{}, err
	}
	t := &Template{
		Name: add.Name, Description: add.Description, Comment: add.Comment, ClusterID: clusterID, Status: StatusOK, Version: 1,
		CreationTime: e.timeline.now(), VersionName: add.VersionName,
	}
	t.Hardware = add.hardware(v)
	t.DeleteProtected = false
	if original, ok := e.templates[v.OriginalTemplateID]; ok {
		t.KubernetesVersion = original.KubernetesVersion
	}
	if err := e.checkTemplate(t, v, add.Base); err != nil {
		return Template{}, err
	}
	placed, err := e.templatePlacements(v, add.Disks)
	if err != nil {
		return Template{}, err
	}
	t.ID = e.newID()
	t.BaseID = cmp.Or(t.BaseID, t.ID)
	e.templates[t.ID] = t
	e.makeTemplate(call, t, v, placed)
	return t.snapshot(), nil
}

// hardware is the VM's with what the request says of it.
func (c VMChange) hardware(v *VM) Hardware {
	changed := v.snapshot()
	c.apply(&changed)
	return changed.Hardware
}

func (e *Engine) checkTemplate(t *Template, v *VM, base Ref) error {
	if base != (Ref{}) {
		if err := e.makeVersion(t, base); err != nil {
			return err
		}
	} else if err := e.checkTemplateName("add", t.Name, ""); err != nil {
		return err
	}
	switch {
	case v.Status == StatusImageLocked:
		return conflict(msgTemplateVMLocked)
	case v.Status != StatusDown:
		return conflict(msgTemplateVMNotDown)
	}
	if locked := e.lockedDisks(v.Disks); locked != "" {
		return conflict(msgDisksLocked, "add Template", locked)
	}
	for _, a := range v.Disks {
		if disk := e.disks[a.DiskID]; disk.Status == StatusIllegal {
			return conflict(msgDisksIllegal, "add Template", disk.Alias)
		}
	}
	return checkHardware("add", t.Hardware)
}

func (e *Engine) checkTemplateName(verb, name, except string) error {
	if len(name) > 255 || !regexp.MustCompile(`^[0-9A-Za-z_.-]+$`).MatchString(name) {
		return invalid(msgTemplateName, verb)
	}
	for _, other := range e.templates {
		if other.Name == name && other.BaseID != except {
			return conflict(msgTemplateNameInUse, verb, name)
		}
	}
	return nil
}

// makeVersion makes t the next version of a template, under that one's name.
func (e *Engine) makeVersion(t *Template, base Ref) error {
	first, ok := pickRef(e.templateList(), base, func(t *Template) Ref { return Ref{t.ID, t.Name} })
	if !ok {
		return noReferenced("Template", base)
	}
	t.BaseID, t.Name = first.BaseID, first.Name
	for _, other := range e.templates {
		if other.BaseID == first.BaseID {
			t.Version = max(t.Version, other.Version+1)
		}
	}
	return nil
}

// templatePlacements are the copies of the VM's disks as they will be, by the disk's id; shareable disks are not copied.
func (e *Engine) templatePlacements(v *VM, wanted []DiskPlacement) (map[string]Disk, error) {
	out := map[string]Disk{}
	for _, a := range v.Disks {
		if disk := e.disks[a.DiskID]; !disk.Shareable {
			out[a.DiskID] = *disk
		}
	}
	for _, p := range wanted {
		disk, ok := out[p.DiskID]
		if !ok {
			return nil, conflict(msgTemplateDiskForeign, p.DiskID)
		}
		disk.Format = cmp.Or(p.Format, disk.Format)
		set(&disk.Sparse, p.Sparse)
		if p.StorageDomain != (Ref{}) {
			sd, ok := e.storageDomainByRef(p.StorageDomain)
			if !ok {
				return nil, noReferenced("StorageDomain", p.StorageDomain)
			}
			disk.StorageDomainID = sd.ID
		}
		out[p.DiskID] = disk
	}
	for _, a := range v.Disks {
		disk, ok := out[a.DiskID]
		if !ok {
			continue
		}
		sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
		if err := checkDiskConfiguration("add", &disk, sd); err != nil {
			return nil, err
		}
		if err := e.checkRoom("add Template", sd, disk.ActualSize, disk.Sparse); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// makeTemplate copies NICs and disks.
func (e *Engine) makeTemplate(call Call, t *Template, v *VM, placed map[string]Disk) {
	for _, nic := range v.NICs {
		nic.ID, nic.MAC = e.newID(), ""
		t.NICs = append(t.NICs, nic)
	}
	var busy []*Disk
	for _, a := range v.Disks {
		want, ok := placed[a.DiskID]
		if !ok {
			continue
		}
		source := e.disks[a.DiskID]
		disk := e.cloneDisk(source)
		disk.Format, disk.Sparse, disk.StorageDomainID = want.Format, want.Sparse, want.StorageDomainID
		source.Status = StatusLocked
		busy = append(busy, source, disk)
		a.DiskID = disk.ID
		t.Disks = append(t.Disks, a)
	}
	job := e.startJob(call, fmt.Sprintf("Creating Template %s from VM %s", t.Name, v.Name))
	done := func() {
		for _, disk := range busy {
			disk.Status = StatusOK
		}
		t.Status = StatusOK
		e.logEvent(eventTemplateAdded, "", call.CorrelationID, fmt.Sprintf("Creation of Template %s from VM %s has been completed.", t.Name, v.Name))
		e.finishJob(job)
	}
	if len(busy) == 0 {
		done()
		return
	}
	t.Status, v.Status = StatusLocked, StatusImageLocked
	e.later(clonedDiskTime, func() {
		v.Status = StatusDown
		done()
	})
}

// UpdateTemplate merges change into the template.
func (e *Engine) UpdateTemplate(call Call, id string, change TemplateChange) (Template, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.templates[id]
	if !ok {
		return Template{}, noEntity()
	}
	if err := e.authorize(call, permitEditTemplate, Object{TypeTemplate, id}); err != nil {
		return Template{}, err
	}
	if t.Status == StatusLocked {
		return Template{}, conflict(msgTemplateLocked, "edit Template")
	}
	if change.Name != nil && *change.Name != t.Name {
		if err := e.checkTemplateName("edit", *change.Name, t.BaseID); err != nil {
			return Template{}, err
		}
		for _, other := range e.templates { // all versions have one name
			if other.BaseID == t.BaseID {
				other.Name = *change.Name
			}
		}
	}
	set(&t.Description, change.Description)
	set(&t.Comment, change.Comment)
	set(&t.VersionName, change.VersionName)
	return t.snapshot(), nil
}

// versionsOf names the later versions of a first version.
func (e *Engine) versionsOf(t *Template) (names []string) {
	for _, other := range e.templateList() {
		if other.BaseID == t.ID && other.ID != t.ID {
			names = append(names, cmp.Or(other.VersionName, fmt.Sprintf("%s/%d", other.Name, other.Version)))
		}
	}
	slices.Sort(names)
	return names
}

const eventTemplateAdded = 51
