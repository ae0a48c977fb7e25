package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Durations in engine time. A real engine needs seconds for a thin disk and minutes for a copy; these keep the order.
const (
	thinDiskTime   = 2 * time.Second
	clonedDiskTime = 10 * time.Second
	newDiskTime    = time.Second
	removeTime     = time.Second
)

// VMAdd is a request for a new VM.
type VMAdd struct {
	// ID is chosen by the client, or empty. The API's documentation does not mention it, the engine's code takes it.
	ID                string
	Cluster, Template Ref
	// Clone makes independent disks: the VM's template is then Blank.
	Clone bool
	VMChange
	Disks []DiskPlacement
}

// DiskPlacement overrides where a template's disk goes; the engine honours format and sparse only for clones.
type DiskPlacement struct {
	DiskID, Format string
	StorageDomain  Ref
	Sparse         *bool
	QuotaID        string
}

// AddVM makes a VM. With disks to copy it is returned image_locked and becomes down later.
func (e *Engine) AddVM(call Call, add VMAdd) (VM, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	cluster, template, err := e.resolve(add)
	if err != nil {
		return VM{}, err
	}
	if add.VMChange, err = e.resolveChange(add.VMChange, "add", cluster.ID); err != nil {
		return VM{}, err
	}
	domains, err := e.destinations(add, template)
	if err != nil {
		return VM{}, err
	}
	if err := e.authorizeAdd(call, cluster, template, domains); err != nil {
		return VM{}, err
	}
	v := &VM{
		ID: cmp.Or(add.ID, e.newID()), ClusterID: cluster.ID, TemplateID: template.ID, OriginalTemplateID: template.ID,
		Status: StatusDown, CreationTime: e.timeline.now(), Hardware: template.snapshot().Hardware,
	}
	if add.Clone {
		v.TemplateID = BlankTemplateID
	}
	v.DeleteProtected = false
	add.apply(v)
	if add.Soundcard == nil {
		v.Soundcard = template.Soundcard || v.Type == typeDesktop
	}
	if err := e.checkAdd(v, cluster, template); err != nil {
		return VM{}, err
	}
	if err := e.checkSpace("add VM", slices.Collect(maps.Values(domains))...); err != nil {
		return VM{}, err
	}
	e.copyDevices(v, template, add, domains)
	e.vms[v.ID] = v
	e.own(call, v)
	job := e.startJob(call, fmt.Sprintf("Creating VM %s from Template %s in Cluster %s", v.Name, template.Name, cluster.Name))
	e.logEvent(eventAdd, v.ID, call.CorrelationID, fmt.Sprintf("VM %s creation was initiated by %s.", v.Name, call.User.Name))
	e.finishAdd(v, add.Clone, job)
	return v.snapshot(), nil
}

func (e *Engine) authorizeAdd(call Call, cluster Cluster, template *Template, domains map[string]string) error {
	if err := e.authorize(call, permitCreateVM, Object{TypeCluster, cluster.ID}, Object{TypeTemplate, template.ID}); err != nil {
		return err
	}
	for _, id := range domains {
		if err := e.authorize(call, permitCreateDisk, Object{TypeStorageDomain, id}); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) resolve(add VMAdd) (Cluster, *Template, error) {
	cluster, ok := pickRef(e.clusters, add.Cluster, func(c Cluster) Ref { return Ref{c.ID, c.Name} })
	if !ok {
		return Cluster{}, nil, noReferenced("Cluster", add.Cluster)
	}
	template, ok := pickRef(e.templateList(), add.Template, func(t *Template) Ref { return Ref{t.ID, t.Name} })
	if !ok {
		return Cluster{}, nil, noReferenced("Template", add.Template)
	}
	return cluster, template, nil
}

// checkAdd refuses in the engine's order: form of the name, lock of the name, the name, sizes, and the id last, so that
// a request that is sent twice is told about its name before its id.
func (e *Engine) checkAdd(v *VM, cluster Cluster, template *Template) error {
	if err := e.checkName("add", v.Name); err != nil {
		return err
	}
	if e.nameLocks[v.Name] {
		return conflict(msgNameLocked, "add")
	}
	switch template.Status {
	case StatusLocked:
		return conflict(msgTemplateLocked, "add VM")
	case StatusIllegal:
		return invalid(msgTemplateIllegal)
	}
	if template.ID != BlankTemplateID && e.clusterByID(template.ClusterID).DataCenterID != cluster.DataCenterID {
		return invalid(msgTemplateDC, "add")
	}
	if e.nameInUse(cluster.DataCenterID, v.Name) {
		return conflict(msgNameInUse, "add")
	}
	if err := checkHardware("add", v.Hardware); err != nil {
		return err
	}
	if _, taken := e.vms[v.ID]; taken {
		return invalid(msgIDExists, "add")
	}
	return nil
}

// destinations maps each template disk to the storage domain of its copy. Thin copies stay where the template's disk is.
func (e *Engine) destinations(add VMAdd, template *Template) (map[string]string, error) {
	out := map[string]string{}
	for _, a := range template.Disks {
		out[a.DiskID] = e.disks[a.DiskID].StorageDomainID
	}
	for _, p := range add.Disks {
		if _, ok := out[p.DiskID]; !ok {
			return nil, noReferenced("Disk", Ref{ID: p.DiskID})
		}
		if err := e.checkQuota("add VM", e.dataCenterOfDisk(p.DiskID), &p.QuotaID); err != nil {
			return nil, err
		}
		sd, err := e.destination(p, out[p.DiskID])
		if err != nil {
			return nil, err
		}
		disk := *e.disks[p.DiskID]
		if !add.Clone {
			if !slices.Contains(disk.DomainIDs(), sd.ID) {
				return nil, invalid(msgNoCopyThere, sd.Name)
			}
			out[p.DiskID] = sd.ID
			continue
		}
		p.apply(&disk)
		if err := checkDiskConfiguration("add", &disk, sd); err != nil {
			return nil, err
		}
		out[p.DiskID] = sd.ID
	}
	return out, nil
}

// destination is the storage domain that the placement names, or the one where the disk is.
func (e *Engine) destination(p DiskPlacement, domainID string) (StorageDomain, error) {
	ref := p.StorageDomain
	if ref == (Ref{}) {
		ref = Ref{ID: domainID}
	}
	sd, ok := e.storageDomainByRef(ref)
	if !ok {
		return StorageDomain{}, noReferenced("StorageDomain", ref)
	}
	return sd, nil
}

// apply overrides the disk's form. A disk that is preallocated and names no format is a raw one.
func (p DiskPlacement) apply(disk *Disk) {
	disk.Format = cmp.Or(p.Format, disk.Format)
	set(&disk.Sparse, p.Sparse)
	if p.Format == "" && p.Sparse != nil && !*p.Sparse && disk.Backup != "incremental" {
		disk.Format = FormatRaw
	}
}

// copyDevices gives the VM its own NICs (with new MAC addresses) and disks.
func (e *Engine) copyDevices(v *VM, template *Template, add VMAdd, domains map[string]string) {
	for _, nic := range template.NICs {
		nic.ID, nic.MAC = e.newID(), e.newMAC()
		v.NICs = append(v.NICs, nic)
	}
	for i, attachment := range template.Disks {
		disk := e.cloneDisk(e.disks[attachment.DiskID])
		disk.Alias = fmt.Sprintf("%s_Disk%d", v.Name, i+1)
		disk.StorageDomainID = domains[attachment.DiskID]
		for _, p := range add.Disks {
			if p.DiskID != attachment.DiskID {
				continue
			}
			disk.QuotaID = cmp.Or(p.QuotaID, disk.QuotaID)
			if add.Clone {
				p.apply(disk)
			}
		}
		if !add.Clone {
			disk.Format, disk.Sparse, disk.ActualSize = "cow", true, mib
		}
		attachment.DiskID = disk.ID
		v.Disks = append(v.Disks, attachment)
	}
}

func (e *Engine) finishAdd(v *VM, clone bool, job *Job) {
	if len(v.Disks) == 0 {
		e.logEvent(eventAdded, v.ID, job.CorrelationID, fmt.Sprintf("VM %s creation has been completed.", v.Name))
		e.finishJob(job)
		return
	}
	v.Status = StatusImageLocked
	e.nameLocks[v.Name] = true
	duration := thinDiskTime
	if clone {
		duration = clonedDiskTime
	}
	e.later(duration, func() {
		if e.vms[v.ID] != v || v.run != 0 { // removed meanwhile, by force or by somebody else
			e.finishJob(job)
			return
		}
		for _, a := range v.Disks {
			e.disks[a.DiskID].Status = StatusOK
		}
		v.Status = StatusDown
		delete(e.nameLocks, v.Name)
		e.logEvent(eventAdded, v.ID, job.CorrelationID, fmt.Sprintf("VM %s creation has been completed.", v.Name))
		e.finishJob(job)
	})
}
