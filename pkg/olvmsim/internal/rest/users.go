package rest

import (
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// listUsers shows plain users themselves only.
func (s *Server) listUsers(r *request) (collection, error) {
	users := s.Engine.Users()
	if r.visible != nil {
		users = slices.DeleteFunc(users, func(u engine.User) bool { return u.ID != r.user.ID })
	}
	return collect("user", users, func(u engine.User) item {
		name, _, _ := strings.Cut(u.Name, "@")
		return item{u.ID, search.Fields{"id": {u.ID}, "name": {name}, "usrname": {u.Name}}, func() any { return showUser(u) }}
	}), nil
}

// listPermissions shows plain users what they were given themselves, and nothing of others.
func (s *Server) listPermissions(r *request) (collection, error) {
	users := s.Engine.Users()
	if _, err := below(r, "user", users, func(u engine.User) string { return u.ID }, users, func(u engine.User) string { return u.ID }); err != nil {
		return collection{}, err
	}
	id := strings.ToLower(r.ids["user"])
	permissions := s.Engine.Permissions(id)
	if r.visible != nil && id != r.user.ID {
		permissions = nil
	}
	return collect("permission", permissions, func(p engine.Permission) item {
		return item{p.ID, search.Fields{"id": {p.ID}}, func() any { return showPermission(p) }}
	}), nil
}

// listAllPermissions shows everything that was given to anybody, plain users only what they were given.
func (s *Server) listAllPermissions(r *request) (collection, error) {
	permissions := s.Engine.AllPermissions()
	if r.visible != nil {
		permissions = s.Engine.Permissions(r.user.ID)
	}
	return collect("permission", permissions, func(p engine.Permission) item {
		return item{p.ID, search.Fields{"id": {p.ID}}, func() any {
			out := showPermission(p)
			out.Href = ref("permissions", p.ID).Href
			return out
		}}
	}), nil
}

func (s *Server) listRoles(*request) (collection, error) {
	return collect("role", s.Engine.Roles(), func(role engine.Role) item {
		return item{role.ID, search.Fields{"id": {role.ID}, "name": {role.Name}}, func() any { return showRole(role) }}
	}), nil
}

func (s *Server) listPermits(r *request) (collection, error) {
	roles, err := below(r, "role", s.Engine.Roles(), roleID, s.Engine.Roles(), roleID)
	if err != nil {
		return collection{}, err
	}
	return collect("permit", roles[0].Permits, func(permit string) item {
		return item{permit, search.Fields{"id": {permit}, "name": {permit}}, func() any { return showPermit(roles[0].ID, permit) }}
	}), nil
}

func roleID(r engine.Role) string { return r.ID }

func (s *Server) listNetworkFilters(*request) (collection, error) {
	return collect("network_filter", s.Engine.NetworkFilters(), func(f engine.NetworkFilter) item {
		return item{f.ID, search.Fields{"id": {f.ID}, "name": {f.Name}}, func() any { return showNetworkFilter(f) }}
	}), nil
}
