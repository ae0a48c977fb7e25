package rest

import "net/http"

// systemRoutes are those of the API itself, jobs, events, users and what they may do.
func (s *Server) systemRoutes() []route {
	get := http.MethodGet
	return []route{
		{method: get, pattern: "", handle: s.getAPI},
		{method: get, pattern: "jobs", handle: many(s.listJobs), adminOnly: true},
		{method: get, pattern: "jobs/{job}", handle: s.getJob, adminOnly: true},
		{method: get, pattern: "events", handle: many(s.listEvents)},
		{method: get, pattern: "networkfilters", handle: many(s.listNetworkFilters), adminOnly: true},
		{method: get, pattern: "networkfilters/{networkfilter}", handle: one(s.listNetworkFilters, "networkfilter"), adminOnly: true},
		{method: get, pattern: "users", handle: many(s.listUsers)},
		{method: get, pattern: "users/{user}", handle: one(s.listUsers, "user")},
		{method: get, pattern: "users/{user}/permissions", handle: many(s.listPermissions)},
		{method: get, pattern: "roles", handle: many(s.listRoles)},
		{method: get, pattern: "roles/{role}", handle: one(s.listRoles, "role")},
		{method: get, pattern: "roles/{role}/permits", handle: many(s.listPermits)},
	}
}
