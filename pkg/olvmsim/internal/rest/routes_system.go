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
		{method: get, pattern: "events/{event}", handle: s.getEvent},
		{method: get, pattern: "networkfilters", handle: many(s.listNetworkFilters), adminOnly: true},
		{method: get, pattern: "networkfilters/{networkfilter}", handle: one(s.listNetworkFilters, "networkfilter"), adminOnly: true},
		{method: get, pattern: "users", handle: many(s.listUsers)},
		{method: get, pattern: "users/{user}", handle: one(s.listUsers, "user")},
		{method: get, pattern: "users/{user}/permissions", handle: many(s.listPermissions)},
		{method: get, pattern: "roles", handle: many(s.listRoles)},
		{method: get, pattern: "roles/{role}", handle: one(s.listRoles, "role")},
		{method: get, pattern: "users/{user}/permissions/{permission}", handle: one(s.listPermissions, "permission")},
		{method: get, pattern: "permissions", handle: many(s.listAllPermissions)},
		{method: get, pattern: "permissions/{permission}", handle: one(s.listAllPermissions, "permission")},
		{method: get, pattern: "roles/{role}/permits", handle: many(s.listPermits)},
		{method: get, pattern: "groups", handle: many(s.listGroups)},
		{method: get, pattern: "groups/{group}", handle: one(s.listGroups, "group")},
		{method: get, pattern: "domains", handle: many(s.listDomains)},
		{method: get, pattern: "domains/{domain}", handle: one(s.listDomains, "domain")},
		{method: get, pattern: "operatingsystems", handle: many(s.listOperatingSystems)},
		{method: get, pattern: "operatingsystems/{operatingsystem}", handle: one(s.listOperatingSystems, "operatingsystem")},
		{method: get, pattern: "bookmarks", handle: many(emptyCollection("bookmark"))},
		{method: get, pattern: "icons", handle: many(emptyCollection("icon"))},
		{method: get, pattern: "vmpools", handle: many(emptyCollection("vm_pool"))},
		{method: get, pattern: "options/{option}", handle: s.getOption},
	}
}
