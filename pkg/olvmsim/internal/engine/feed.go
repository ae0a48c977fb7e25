package engine

import (
	"encoding/json"
	"hash/fnv"
	"slices"
)

// Change is what a command did to one object.
type Change struct {
	// Op is created, changed or removed. An object that goes or comes later, when the command's job is done, is changed or
	// created by the command itself and not named again.
	Op string `json:"op"`
	// Kind is one of the Type constants or of the kinds below.
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Ops of a Change.
const (
	OpCreated = "created"
	OpChanged = "changed"
	OpRemoved = "removed"
)

// Kinds of objects beside those that permissions are given on.
const (
	kindNIC           = "nic"
	kindSnapshot      = "snapshot"
	kindTag           = "tag"
	kindAffinityGroup = "affinity_group"
	kindAffinityLabel = "affinity_label"
	kindTransfer      = "image_transfer"
	kindPermission    = "permission"
	kindJob           = "job"
)

// Feed collects what one call's commands touch: the objects that the call names or that the commands are authorized on, as
// these were before, and the ids that they take for new ones. A nil Feed collects nothing.
type Feed struct {
	before map[Object]uint64
	order  []Object
	ids    []string
}

// NewFeed returns a Feed for a Call that names these ids, of objects that are there or that it wants to make.
func (e *Engine) NewFeed(ids ...string) *Feed {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := &Feed{before: map[Object]uint64{}}
	for _, id := range ids {
		if kind := e.kindOf(id); kind != "" {
			f.note(e, Object{kind, id})
			continue
		}
		f.issued(id)
	}
	return f
}

func (f *Feed) issued(id string) {
	if f != nil && id != "" {
		f.ids = append(f.ids, id)
	}
}

// follow makes the call's feed the one that new ids are noted in, and notes the objects. Every command passes here first.
func (e *Engine) follow(call Call, objects []Object) {
	e.feed = call.Feed
	if e.feed == nil {
		return
	}
	for _, o := range objects {
		e.feed.note(e, o)
	}
}

// note keeps the state of an object, and with a VM that of its disks.
func (f *Feed) note(e *Engine, o Object) {
	if _, ok := f.before[o]; ok || o.ID == "" {
		return
	}
	f.before[o] = e.fingerprint(o)
	f.order = append(f.order, o)
	if v, ok := e.vms[o.ID]; ok && o.Type == TypeVM {
		for _, a := range v.Disks {
			f.note(e, Object{TypeDisk, a.DiskID})
		}
	}
}

// fingerprint tells states of an object apart; 0 means that there is no such object.
func (e *Engine) fingerprint(o Object) uint64 {
	object := e.object(o)
	if object == nil {
		return 0
	}
	hash := fnv.New64a()
	_ = json.NewEncoder(hash).Encode(object) // plain structs: nothing in them fails
	return hash.Sum64()
}

// object is what the feed knows of an object; nil if it is not there, or of a kind that no command changes.
func (e *Engine) object(o Object) any {
	switch o.Type {
	case TypeVM:
		return orNil(e.vms[o.ID])
	case TypeDisk:
		return orNil(e.disks[o.ID])
	case TypeTemplate:
		return orNil(e.templates[o.ID])
	case kindTag:
		return orNil(e.tags[o.ID])
	case kindAffinityGroup:
		return orNil(e.affinityGroups[o.ID])
	case kindAffinityLabel:
		return orNil(e.affinityLabels[o.ID])
	case kindJob:
		return orNil(e.jobs.byID[o.ID])
	case TypeHost:
		return found(e.hosts, func(h Host) bool { return h.ID == o.ID })
	case TypeVNICProfile:
		return found(e.profiles, func(p VNICProfile) bool { return p.ID == o.ID })
	case kindPermission:
		return found(e.permissions, func(p Permission) bool { return p.ID == o.ID })
	case kindTransfer:
		return found(e.store.transfers, func(t *Transfer) bool { return t.ID == o.ID })
	case kindNIC:
		return e.partOfVM(func(v *VM) any { return found(v.NICs, func(n NIC) bool { return n.ID == o.ID }) })
	case kindSnapshot:
		return e.partOfVM(func(v *VM) any { return found(v.Snapshots, func(s Snapshot) bool { return s.ID == o.ID }) })
	}
	return nil
}

func (e *Engine) partOfVM(part func(*VM) any) any {
	for _, v := range e.vms {
		if p := part(v); p != nil {
			return p
		}
	}
	return nil
}

func orNil[T any](object *T) any {
	if object == nil {
		return nil
	}
	return object
}

func found[T any](items []T, is func(T) bool) any {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return items[i]
	}
	return nil
}

// kindOf names what the id is of; empty for parts that are not shown by themselves, and for what is not there.
func (e *Engine) kindOf(id string) string {
	for _, kind := range []string{
		TypeVM, TypeDisk, TypeTemplate, kindJob, kindTag, kindAffinityGroup, kindAffinityLabel, TypeHost, TypeVNICProfile, kindTransfer,
		kindPermission, kindNIC, kindSnapshot,
	} {
		if e.object(Object{kind, id}) != nil {
			return kind
		}
	}
	return ""
}

// Changes lists what the call changed, in the order in which it touched the objects.
func (e *Engine) Changes(f *Feed) []Change {
	if f == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []Change
	add := func(op, kind, id string) {
		if c := (Change{op, kind, id}); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, o := range f.order {
		before, after := f.before[o], e.fingerprint(o)
		switch {
		case before == after:
		case before == 0:
			add(OpCreated, o.Type, o.ID)
		case after == 0:
			add(OpRemoved, o.Type, o.ID)
		default:
			add(OpChanged, o.Type, o.ID)
		}
	}
	for _, id := range f.ids {
		if kind := e.kindOf(id); kind != "" {
			add(OpCreated, kind, id)
		}
	}
	return out
}
