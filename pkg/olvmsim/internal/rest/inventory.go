package rest

import (
	"net/http"
	"slices"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/search"
)

// below keeps the objects that belong to the parent that the path names, if it names one; the parent must exist.
func below[P, T any](r *request, name string, parents []P, parentID func(P) string, objects []T, ownerID func(T) string) ([]T, error) {
	if _, ok := r.ids[name]; !ok {
		return objects, nil
	}
	id, err := r.id(name)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(parents, func(p P) bool { return parentID(p) == id }) {
		return nil, &engine.Fault{Status: http.StatusNotFound}
	}
	return slices.DeleteFunc(objects, func(o T) bool { return ownerID(o) != id }), nil
}

func dataCenterID(d engine.DataCenter) string { return d.ID }
func clusterID(c engine.Cluster) string       { return c.ID }

func (s *Server) listDataCenters(*request) (collection, error) {
	domains, clusters := s.Engine.StorageDomains(), s.Engine.Clusters()
	return collect("data_center", s.Engine.DataCenters(), func(d engine.DataCenter) item {
		var domainNames, clusterNames []string
		for _, sd := range domains {
			if sd.DataCenterID == d.ID {
				domainNames = append(domainNames, sd.Name)
			}
		}
		for _, c := range clusters {
			if c.DataCenterID == d.ID {
				clusterNames = append(clusterNames, c.Name)
			}
		}
		fields := search.Fields{
			"id": {d.ID}, "name": {d.Name}, "description": {d.Description}, "comment": {""}, "status": {d.Status},
			"storage.name": domainNames, "clusters.name": clusterNames,
		}
		return item{d.ID, fields, func() any { return showDataCenter(d) }}
	}), nil
}

func (s *Server) listClusters(r *request) (collection, error) {
	clusters, err := below(r, "datacenter", s.Engine.DataCenters(), dataCenterID, s.Engine.Clusters(),
		func(c engine.Cluster) string { return c.DataCenterID })
	names := s.names()
	return collect("cluster", clusters, func(c engine.Cluster) item {
		fields := search.Fields{
			"id": {c.ID}, "name": {c.Name}, "description": {c.Description}, "comment": {""}, "datacenter": {names.dataCenter[c.DataCenterID]},
		}
		return item{c.ID, fields, func() any { return showCluster(c) }}
	}), err
}

func (s *Server) listHosts(*request) (collection, error) {
	names := s.names()
	return collect("host", s.Engine.Hosts(), func(h engine.Host) item {
		fields := search.Fields{
			"id": {h.ID}, "name": {h.Name}, "status": {h.Status}, "address": {h.Address}, "hw_id": {h.ID}, "comment": {""},
			"cluster": {names.cluster[h.ClusterID]}, "datacenter": {names.clusterDataCenter[h.ClusterID]},
		}
		return item{h.ID, fields, func() any { return showHost(h) }}
	}), nil
}

// listNetworks shows all networks, those of a data center, or those of a cluster: every network of the data center is in
// each of its clusters here.
func (s *Server) listNetworks(r *request) (collection, error) {
	clusters, err := below(r, "cluster", s.Engine.Clusters(), clusterID, s.Engine.Clusters(), clusterID)
	if err != nil {
		return collection{}, err
	}
	networks, err := below(r, "datacenter", s.Engine.DataCenters(), dataCenterID, s.Engine.Networks(),
		func(n engine.Network) string { return n.DataCenterID })
	if _, ok := r.ids["cluster"]; ok {
		networks = slices.DeleteFunc(networks, func(n engine.Network) bool { return n.DataCenterID != clusters[0].DataCenterID })
	}
	names := s.names()
	return collect("network", networks, func(n engine.Network) item {
		fields := search.Fields{"id": {n.ID}, "name": {n.Name}, "description": {""}, "comment": {""}, "datacenter": {names.dataCenter[n.DataCenterID]}}
		return item{n.ID, fields, func() any { return showNetwork(n) }}
	}), err
}

func (s *Server) listVNICProfiles(r *request) (collection, error) {
	profiles, err := below(r, "network", s.Engine.Networks(), func(n engine.Network) string { return n.ID }, s.Engine.VNICProfiles(),
		func(p engine.VNICProfile) string { return p.NetworkID })
	return collect("vnic_profile", profiles, func(p engine.VNICProfile) item {
		return item{p.ID, search.Fields{"id": {p.ID}, "name": {p.Name}}, func() any { return showVNICProfile(p) }}
	}), err
}

func (s *Server) addVNICProfile(r *request) (reply, error) {
	var body VNICProfileBody
	if err := r.decode(&body); err != nil {
		return reply{}, err
	}
	network := Ref{ID: r.ids["network"]}
	if body.Network != nil {
		network = *body.Network
	}
	if err := missing("VnicProfile", need{"name", body.Name != ""}, need{"network.id", network.ID != ""}); err != nil {
		return reply{}, err
	}
	if err := checkRefs(&network, body.NetworkFilter); err != nil {
		return reply{}, err
	}
	add := engine.VNICProfileAdd{Name: body.Name, NetworkID: network.ID}
	if body.NetworkFilter != nil {
		add.NetworkFilterID = body.NetworkFilter.ID
	}
	if p := body.PassThrough; p != nil {
		if err := checkEnums(enum{p.Mode, "VnicPassThroughMode", []string{"disabled", "enabled"}}); err != nil {
			return reply{}, err
		}
		add.PassThrough = p.Mode == "enabled"
	}
	profile, err := s.Engine.AddVNICProfile(r.call(), add)
	return reply{http.StatusCreated, showVNICProfile(profile)}, err
}

func (s *Server) removeVNICProfile(r *request) (reply, error) {
	id, err := r.id("vnicprofile")
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK}, s.Engine.RemoveVNICProfile(r.call(), id)
}

func (s *Server) listStorageDomains(r *request) (collection, error) {
	domains, err := below(r, "datacenter", s.Engine.DataCenters(), dataCenterID, s.Engine.StorageDomains(),
		func(d engine.StorageDomain) string { return d.DataCenterID })
	names := s.names()
	_, inDataCenter := r.ids["datacenter"]
	return collect("storage_domain", domains, func(d engine.StorageDomain) item {
		fields := search.Fields{
			"id": {d.ID}, "name": {d.Name}, "description": {""}, "comment": {""}, "status": {d.Status}, "type": {d.Type},
			"datacenter": {names.dataCenter[d.DataCenterID]},
		}
		return item{d.ID, fields, func() any { return showStorageDomain(d, inDataCenter) }}
	}), err
}

// names are the names behind ids, for searches.
type names struct {
	dataCenter, cluster, clusterDataCenter, host, template map[string]string
}

func (s *Server) names() names {
	n := names{map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}}
	for _, d := range s.Engine.DataCenters() {
		n.dataCenter[d.ID] = d.Name
	}
	for _, c := range s.Engine.Clusters() {
		n.cluster[c.ID], n.clusterDataCenter[c.ID] = c.Name, n.dataCenter[c.DataCenterID]
	}
	for _, h := range s.Engine.Hosts() {
		n.host[h.ID] = h.Name
	}
	for _, t := range s.Engine.Templates() {
		n.template[t.ID] = t.Name
	}
	return n
}
