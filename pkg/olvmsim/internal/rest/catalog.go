package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// This file holds the collections that every engine has from the start and that nothing in the simulator changes.

// catalogID is the id of an object that belongs to another one, or to the engine.
func catalogID(kind, of string) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("olvmsim:"+kind+"/"+of)).String()
}

// named makes an entry that can be searched by id and name.
func named(id, name string, show any) item {
	return item{id, search.Fields{"id": {id}, "name": {name}}, func() any { return show }}
}

func (s *Server) listCPUProfiles(r *request) (collection, error) {
	clusters, err := below(r, "cluster", s.Engine.Clusters(), clusterID, s.Engine.Clusters(), clusterID)
	return collect("cpu_profile", clusters, func(c engine.Cluster) item {
		id := catalogID("cpuprofile", c.ID)
		href := ref("cpuprofiles", id).Href
		return named(id, c.Name, CPUProfile{
			Cluster: *ref("clusters", c.ID), Href: href, ID: id, Link: subLinks(href, "permissions"), Name: c.Name,
		})
	}), err
}

// operatingSystems are some of the engine's types with their descriptions.
const operatingSystems = "other=Other OS,other_linux=Linux,rhel_6x64=Red Hat Enterprise Linux 6.x x64,rhel_7x64=Red Hat Enterprise Linux 7.x x64," +
	"rhel_8x64=Red Hat Enterprise Linux 8.x x64,rhel_9x64=Red Hat Enterprise Linux 9.x x64,sles_11=SUSE Linux Enterprise Server 11+," +
	"debian_7=Debian 7+,debian_9=Debian 9+,ubuntu_18_04=Ubuntu Bionic Beaver LTS+,windows_10x64=Windows 10 x64,windows_2016x64=Windows 2016 x64," +
	"windows_2019x64=Windows 2019 x64,windows_2022=Windows 2022,windows_11=Windows 11,rhcos_x64=Red Hat Enterprise Linux CoreOS"

func (s *Server) listOperatingSystems(*request) (collection, error) {
	types := strings.Split(operatingSystems, ",")
	return collect("operating_system", types, func(entry string) item {
		name, description, _ := strings.Cut(entry, "=")
		id := catalogID("operatingsystem", name)
		return named(id, name, OperatingSystem{
			Architecture: "x86_64", Description: description, Href: ref("operatingsystems", id).Href, ID: id, Name: name, TPMSupport: "supported",
		})
	}), nil
}

func (s *Server) listMACPools(*request) (collection, error) {
	id := catalogID("macpool", "Default")
	href := ref("macpools", id).Href
	pool := MACPool{
		DefaultPool: true, Description: "Default MAC pool", Href: href, ID: id, Link: subLinks(href, "permissions"), Name: "Default",
		Ranges: MACRanges{Range: []MACRange{{From: "56:6f:00:00:00:00", To: "56:6f:ff:ff:ff:ff"}}},
	}
	return collection{key: "mac_pool", items: []item{named(id, pool.Name, pool)}}, nil
}

func (s *Server) listGroups(*request) (collection, error) {
	const everyone = "eee00000-0000-0000-0000-123456789eee" // the engine's
	href := ref("groups", everyone).Href
	group := Group{
		DomainEntryID: everyone, Href: href, ID: everyone, Link: subLinks(href, "permissions", "roles", "tags"), Name: "Everyone", Namespace: "*",
	}
	return collection{key: "group", items: []item{named(everyone, group.Name, group)}}, nil
}

func (s *Server) listDomains(*request) (collection, error) {
	const name = "internal-authz"
	id := catalogID("domain", name)
	href := ref("domains", id).Href
	domain := Domain{Href: href, ID: id, Link: subLinks(href, "users", "groups"), Name: name}
	return collection{key: "domain", items: []item{named(id, name, domain)}}, nil
}

func emptyCollection(key string) func(*request) (collection, error) {
	return func(*request) (collection, error) { return collection{key: key}, nil }
}

// listQuotas shows the quotas of a data center: the default one, and those of the inventory, which limit nothing either.
func (s *Server) listQuotas(r *request) (collection, error) {
	quotas, err := below(r, "datacenter", s.Engine.DataCenters(), dataCenterID, s.Engine.Quotas(), func(q engine.Quota) string { return q.DataCenterID })
	return collect("quota", quotas, func(q engine.Quota) item {
		self := showQuota(q.DataCenterID, q.ID)
		return named(q.ID, q.Name, Quota{
			ClusterHardLimitPct: 20, ClusterSoftLimitPct: 80, DataCenter: *ref("datacenters", q.DataCenterID), Description: q.Description,
			Href: self.Href, ID: self.ID, Link: subLinks(self.Href, "permissions", "quotaclusterlimits", "quotastoragelimits"), Name: q.Name,
			StorageHardLimitPct: 20, StorageSoftLimitPct: 80,
		})
	}), err
}

// getOption shows some values of the engine's configuration.
func (s *Server) getOption(r *request) (reply, error) {
	name := r.ids["option"]
	values := map[string]string{
		"MaxVmNameLength": strconv.Itoa(s.Engine.MaxVMNameLength()), "UserSessionTimeOutInterval": "30", "VM64BitMaxMemorySizeInMB": "4194304", "SearchResultsLimit": "100",
		"MaxNumOfVmCpus": "710", "MaxNumOfVmSockets": "16", "MaxNumOfCpuPerSocket": "254", "MaxNumOfThreadsPerCpu": "8",
		"CriticalSpaceActionBlocker": "5",
	}
	value, ok := values[name]
	if !ok {
		return reply{status: http.StatusNotFound}, nil
	}
	return reply{http.StatusOK, SystemOption{
		Href: ref("options", name).Href, ID: name, Name: name,
		Values: SystemOptionValues{SystemOptionValue: []SystemOptionValue{{Value: value, Version: "4.7"}}},
	}}, nil
}
