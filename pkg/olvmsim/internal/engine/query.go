package engine

import (
	"cmp"
	"slices"
)

// DataCenters lists the data centers.
func (e *Engine) DataCenters() []DataCenter {
	return locked(e, func() []DataCenter { return slices.Clone(e.dataCenters) })
}

// Clusters lists the clusters.
func (e *Engine) Clusters() []Cluster {
	return locked(e, func() []Cluster { return slices.Clone(e.clusters) })
}

// Hosts lists the hosts.
func (e *Engine) Hosts() []Host {
	return locked(e, func() []Host {
		out := slices.Clone(e.hosts)
		for i := range out {
			out[i].SchedulingMemory = e.freeMemory(out[i], "")
		}
		return out
	})
}

// Networks lists the networks.
func (e *Engine) Networks() []Network {
	return locked(e, func() []Network { return slices.Clone(e.networks) })
}

// VNICProfiles lists the vNIC profiles.
func (e *Engine) VNICProfiles() []VNICProfile {
	return locked(e, func() []VNICProfile { return slices.Clone(e.profiles) })
}

// StorageDomains lists the storage domains with what their disks use now.
func (e *Engine) StorageDomains() []StorageDomain {
	return locked(e, func() []StorageDomain {
		out := slices.Clone(e.storageDomains)
		for i := range out {
			out[i].Used = e.used(out[i].ID)
			out[i].Available = max(0, out[i].capacity-out[i].Used)
		}
		return out
	})
}

// Templates lists the templates by name.
func (e *Engine) Templates() []Template {
	return locked(e, func() []Template {
		var out []Template
		for _, t := range e.templateList() {
			out = append(out, t.snapshot())
		}
		return out
	})
}

// VMs lists the VMs by name.
func (e *Engine) VMs() []VM {
	return locked(e, func() []VM {
		out := make([]VM, 0, len(e.vms))
		for _, v := range sortedByName(e.vms, func(v *VM) (string, string) { return v.Name, v.ID }) {
			out = append(out, v.snapshot())
		}
		return out
	})
}

// VM returns one VM.
func (e *Engine) VM(id string) (VM, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[id]
	if !ok {
		return VM{}, noEntity()
	}
	return v.snapshot(), nil
}

// Disks lists the disks by alias.
func (e *Engine) Disks() []Disk {
	return locked(e, func() []Disk {
		out := make([]Disk, 0, len(e.disks))
		for _, d := range sortedByName(e.disks, func(d *Disk) (string, string) { return d.Alias, d.ID }) {
			out = append(out, *d)
		}
		return out
	})
}

func locked[T any](e *Engine, read func() T) T {
	e.mu.Lock()
	defer e.mu.Unlock()
	return read()
}

func (e *Engine) clusterByID(id string) Cluster {
	c, _ := pickRef(e.clusters, Ref{ID: id}, func(c Cluster) Ref { return Ref{c.ID, c.Name} })
	return c
}

func (e *Engine) storageDomainByRef(ref Ref) (StorageDomain, bool) {
	return pickRef(e.storageDomains, ref, func(s StorageDomain) Ref { return Ref{s.ID, s.Name} })
}

// pickRef finds what ref names: by id, or by name where the id is empty.
func pickRef[T any](items []T, ref Ref, refOf func(T) Ref) (T, bool) {
	for _, item := range items {
		if r := refOf(item); ref.ID != "" && r.ID == ref.ID || ref.ID == "" && ref.Name != "" && r.Name == ref.Name {
			return item, true
		}
	}
	var none T
	return none, false
}

func sortedByName[T any](items map[string]T, key func(T) (name, id string)) []T {
	out := make([]T, 0, len(items))
	for _, item := range items {
		out = append(out, item)
	}
	slices.SortFunc(out, func(a, b T) int {
		nameA, idA := key(a)
		nameB, idB := key(b)
		return cmp.Or(cmp.Compare(nameA, nameB), cmp.Compare(idA, idB))
	})
	return out
}
