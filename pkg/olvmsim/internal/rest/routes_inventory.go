package rest

import "net/http"

// inventoryRoutes are those of data centers, clusters, hosts and networks.
func (s *Server) inventoryRoutes() []route {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	return []route{
		{method: get, pattern: "datacenters", handle: many(s.listDataCenters)},
		{method: get, pattern: "datacenters/{datacenter}", handle: one(s.listDataCenters, "datacenter")},
		{method: get, pattern: "datacenters/{datacenter}/clusters", handle: many(s.listClusters)},
		{method: get, pattern: "datacenters/{datacenter}/networks", handle: many(s.listNetworks)},
		{method: get, pattern: "clusters", handle: many(s.listClusters)},
		{method: get, pattern: "clusters/{cluster}", handle: one(s.listClusters, "cluster")},
		{method: get, pattern: "clusters/{cluster}/networks", handle: many(s.listNetworks)},
		{method: get, pattern: "hosts", handle: many(s.listHosts)},
		{method: get, pattern: "hosts/{host}", handle: one(s.listHosts, "host")},
		{method: get, pattern: "networks", handle: many(s.listNetworks)},
		{method: get, pattern: "networks/{network}", handle: one(s.listNetworks, "network")},
		{method: get, pattern: "networks/{network}/vnicprofiles", handle: many(s.listVNICProfiles)},
		{method: get, pattern: "vnicprofiles", handle: many(s.listVNICProfiles)},
		{method: get, pattern: "networks/{network}/vnicprofiles/{vnicprofile}", handle: one(s.listVNICProfiles, "vnicprofile")},
		{method: post, pattern: "vnicprofiles", handle: s.addVNICProfile, doc: "services/vnic_profiles/methods/add"},
		{method: post, pattern: "networks/{network}/vnicprofiles", handle: s.addVNICProfile, doc: "services/assigned_vnic_profiles/methods/add"},
		{method: get, pattern: "vnicprofiles/{vnicprofile}", handle: one(s.listVNICProfiles, "vnicprofile")},
		{method: del, pattern: "vnicprofiles/{vnicprofile}", handle: s.removeVNICProfile},
		{method: get, pattern: "datacenters/{datacenter}/clusters/{cluster}", handle: one(s.listClusters, "cluster")},
		{method: get, pattern: "datacenters/{datacenter}/networks/{network}", handle: one(s.listNetworks, "network")},
		{method: get, pattern: "datacenters/{datacenter}/quotas", handle: many(s.listQuotas)},
		{method: get, pattern: "clusters/{cluster}/cpuprofiles", handle: many(s.listCPUProfiles)},
		{method: get, pattern: "cpuprofiles", handle: many(s.listCPUProfiles)},
		{method: get, pattern: "cpuprofiles/{cpuprofile}", handle: one(s.listCPUProfiles, "cpuprofile")},
		{method: get, pattern: "macpools", handle: many(s.listMACPools)},
		{method: get, pattern: "macpools/{macpool}", handle: one(s.listMACPools, "macpool")},
	}
}
