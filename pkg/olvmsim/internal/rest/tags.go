package rest

import (
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

func showTag(t engine.Tag) Tag {
	self := ref("tags", t.ID)
	out := Tag{Description: ptr(t.Description), Href: self.Href, ID: t.ID, Name: ptr(t.Name)}
	if t.ParentID != "" {
		out.Parent = ref("tags", t.ParentID)
	}
	return out
}

func showTagOfVM(t engine.Tag, vmID string) Tag {
	out := showTag(t)
	out.VM = ref("vms", vmID)
	out.Href = out.VM.Href + "/tags/" + t.ID
	return out
}

func (s *Server) listTags(*request) (collection, error) {
	return collect("tag", s.Engine.Tags(), func(t engine.Tag) item {
		return item{t.ID, search.Fields{"id": {t.ID}, "name": {t.Name}, "description": {t.Description}}, func() any { return showTag(t) }}
	}), nil
}

func (s *Server) listVMTags(r *request) (collection, error) {
	id, err := r.id("vm")
	if err != nil {
		return collection{}, err
	}
	v, err := s.Engine.VM(id)
	if err != nil {
		return collection{}, err
	}
	tags := slices.DeleteFunc(s.Engine.Tags(), func(t engine.Tag) bool { return !slices.Contains(v.TagIDs, t.ID) })
	return collect("tag", tags, func(t engine.Tag) item {
		return item{t.ID, search.Fields{"id": {t.ID}, "name": {t.Name}}, func() any { return showTagOfVM(t, id) }}
	}), nil
}

func (r *request) tagChange() (engine.TagChange, error) {
	var body Tag
	if err := r.decode(&body); err != nil {
		return engine.TagChange{}, err
	}
	change := engine.TagChange{Name: body.Name, Description: body.Description}
	if given(body.Parent) {
		change.Parent = ptr(engineRef(body.Parent))
	}
	return change, checkRefs(body.Parent)
}

func (s *Server) addTag(r *request) (reply, error) {
	change, err := r.tagChange()
	if err != nil {
		return reply{}, err
	}
	if err := missing("Tag", need{"name", change.Name != nil}); err != nil {
		return reply{}, err
	}
	t, err := s.Engine.AddTag(r.call(), change)
	return reply{http.StatusCreated, showTag(t)}, err
}

func (s *Server) updateTag(r *request) (reply, error) {
	id, err := r.id("tag")
	if err != nil {
		return reply{}, err
	}
	change, err := r.tagChange()
	if err != nil {
		return reply{}, err
	}
	t, err := s.Engine.UpdateTag(r.call(), id, change)
	return reply{http.StatusOK, showTag(t)}, err
}

func (s *Server) removeTag(r *request) (reply, error) {
	id, err := r.id("tag")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveTag(r.call(), id)
}

// tagVM takes a tag by id or by name.
func (s *Server) tagVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	var body Tag
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	named := Ref{ID: body.ID, Name: value(body.Name)}
	if err := missing("Tag", need{"id|name", given(&named)}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(&named); err != nil {
		return reply{}, err
	}
	t, err := s.Engine.TagVM(r.call(), id, engineRef(&named))
	return reply{http.StatusCreated, showTagOfVM(t, id)}, err
}

func (s *Server) untagVM(r *request) (reply, error) {
	id, err := r.id("vm")
	if err != nil {
		return reply{}, err
	}
	tagID, err := r.id("tag")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.UntagVM(r.call(), id, tagID)
}
