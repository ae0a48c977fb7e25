package engine

import (
	"cmp"
	"slices"
	"strings"
)

// TagChange is what a POST or PUT may say of a tag; nil means "not said".
type TagChange struct {
	Name, Description *string
	Parent            *Ref
}

// Tags lists the tags: the root, then the others by name.
func (e *Engine) Tags() []Tag {
	return locked(e, func() []Tag {
		out := []Tag{rootTag()}
		for _, t := range e.tagList() {
			out = append(out, *t)
		}
		return out
	})
}

// AddTag makes a tag.
func (e *Engine) AddTag(call Call, change TagChange) (Tag, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := Tag{ParentID: RootTagID}
	if err := e.changeTag(call, "add", &t, change); err != nil {
		return Tag{}, err
	}
	t.ID = e.newID()
	if e.tags == nil {
		e.tags = map[string]*Tag{}
	}
	e.tags[t.ID] = &t
	return t, nil
}

// UpdateTag merges change into a tag.
func (e *Engine) UpdateTag(call Call, id string, change TagChange) (Tag, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == RootTagID {
		return Tag{}, conflict(msgTagRoot, "edit")
	}
	t, ok := e.tags[id]
	if !ok {
		return Tag{}, noEntity()
	}
	changed := *t
	if err := e.changeTag(call, "edit", &changed, change); err != nil {
		return Tag{}, err
	}
	*t = changed
	return changed, nil
}

func (e *Engine) changeTag(call Call, verb string, t *Tag, change TagChange) error {
	if err := e.authorize(call, permitTags, Object{Type: TypeSystem}); err != nil {
		return err
	}
	set(&t.Name, change.Name)
	set(&t.Description, change.Description)
	if change.Parent != nil {
		parent, ok := e.tagByRef(*change.Parent)
		if !ok {
			return noReferenced("Tag", *change.Parent)
		}
		t.ParentID = parent.ID
	}
	if strings.TrimSpace(t.Name) == "" {
		return invalid(msgTagNameEmpty, verb)
	}
	if other, ok := e.tagByRef(Ref{Name: t.Name}); ok && other.ID != t.ID {
		return conflict(msgTagNameInUse)
	}
	return nil
}

// RemoveTag removes a tag and those below it, from everything that has them.
func (e *Engine) RemoveTag(call Call, id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if id == RootTagID {
		return conflict(msgTagRoot, "remove")
	}
	if _, ok := e.tags[id]; !ok {
		return noEntity()
	}
	if err := e.authorize(call, permitTags, Object{Type: TypeSystem}); err != nil {
		return err
	}
	e.dropTag(id)
	return nil
}

func (e *Engine) dropTag(id string) {
	delete(e.tags, id)
	for _, v := range e.vms {
		v.TagIDs = without(v.TagIDs, id)
	}
	for _, t := range e.tagList() {
		if t.ParentID == id {
			e.dropTag(t.ID)
		}
	}
}

// TagVM gives a VM a tag, which it may have already.
func (e *Engine) TagVM(call Call, vmID string, ref Ref) (Tag, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok {
		return Tag{}, noEntity()
	}
	t, ok := e.tagByRef(ref)
	if !ok {
		return Tag{}, noReferenced("Tag", ref)
	}
	if err := e.authorizeTagging(call, vmID); err != nil {
		return Tag{}, err
	}
	if !slices.Contains(v.TagIDs, t.ID) {
		v.TagIDs = append(slices.Clone(v.TagIDs), t.ID)
	}
	return t, nil
}

// UntagVM takes a tag away from a VM.
func (e *Engine) UntagVM(call Call, vmID, tagID string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := e.vms[vmID]
	if !ok || !slices.Contains(v.TagIDs, tagID) {
		return noEntity()
	}
	if err := e.authorizeTagging(call, vmID); err != nil {
		return err
	}
	v.TagIDs = without(v.TagIDs, tagID)
	return nil
}

// authorizeTagging wants the permit on the system, as for the tags themselves; the VM is named for the journal.
func (e *Engine) authorizeTagging(call Call, vmID string) error {
	e.follow(call, []Object{{TypeVM, vmID}})
	if !e.holds(call.User.ID, permitTags, Object{Type: TypeSystem}) {
		return e.authorize(call, permitTags, Object{TypeVM, vmID})
	}
	return nil
}

func rootTag() Tag { return Tag{ID: RootTagID, Name: "root", Description: "root"} }

func (e *Engine) tagByRef(ref Ref) (Tag, bool) {
	tags := []Tag{rootTag()}
	for _, t := range e.tagList() {
		tags = append(tags, *t)
	}
	return pickRef(tags, ref, func(t Tag) Ref { return Ref{t.ID, t.Name} })
}

func (e *Engine) tagList() []*Tag {
	return sortedByName(e.tags, func(t *Tag) (string, string) { return t.Name, t.ID })
}

// TagNames lists the names behind ids: those of the tags and of all above them except the root, as searches see them.
func TagNames(tags []Tag, ids []string) []string {
	byID := map[string]Tag{}
	for _, t := range tags {
		byID[t.ID] = t
	}
	var out []string
	for _, id := range ids {
		for t, ok := byID[id]; ok && t.ID != RootTagID; t, ok = byID[t.ParentID] {
			out = append(out, t.Name)
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.Compact(out)
}
