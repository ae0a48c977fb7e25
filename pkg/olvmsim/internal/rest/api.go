package rest

import (
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

func (s *Server) getAPI(r *request) (reply, error) {
	user := ref("users", r.user.ID)
	api := API{
		AuthenticatedUser: *user, EffectiveUser: *user,
		ProductInfo: ProductInfo{
			InstanceID: "5b1a1c56-0000-4000-8000-0123456789ab", Name: "oVirt Engine", Vendor: "ovirt.org",
			Version: Version{Build: ptr(Int(5)), FullVersion: "4.5.5-1.el9", Major: 4, Minor: 5, Revision: ptr(Int(0))},
		},
		SpecialObjects: SpecialObjects{BlankTemplate: *ref("templates", engine.BlankTemplateID), RootTag: *ref("tags", engine.BlankTemplateID)},
		Time:           s.Engine.Now().UnixMilli(),
	}
	if r.visible == nil { // plain users may not see the summary
		api.Summary = s.summary()
	}
	for _, collection := range []string{
		"clusters", "datacenters", "disks", "events", "hosts", "jobs", "networkfilters", "networks", "roles", "storagedomains", "tags", "templates",
		"users", "vms", "vnicprofiles",
	} {
		api.Link = append(api.Link, Link{Href: apiRoot + "/" + collection, Rel: collection})
		switch collection {
		case "jobs", "networkfilters", "roles":
		default:
			api.Link = append(api.Link, Link{Href: apiRoot + "/" + collection + "?search={query}", Rel: collection + "/search"})
		}
	}
	return reply{http.StatusOK, api}, nil
}

func (s *Server) summary() *Summary {
	hosts, vms, domains, users := s.Engine.Hosts(), s.Engine.VMs(), s.Engine.StorageDomains(), s.Engine.Users()
	up, running := 0, 0
	for _, h := range hosts {
		if h.Status == engine.StatusUp {
			up++
		}
	}
	for i := range vms {
		if vms[i].Running() {
			running++
		}
	}
	return &Summary{
		Hosts:          Count{Active: Int(up), Total: Int(len(hosts))},
		StorageDomains: Count{Active: Int(len(domains)), Total: Int(len(domains))},
		Users:          Count{Active: Int(len(users)), Total: Int(len(users))},
		VMs:            Count{Active: Int(running), Total: Int(len(vms))},
	}
}
