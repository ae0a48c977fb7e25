package rest

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// The collections that the root links to, and those that can be searched.
const (
	rootCollections = "affinitylabels bookmarks clusters cpuprofiles datacenters diskprofiles disks domains events groups hosts icons imagetransfers " +
		"instancetypes jobs macpools networkfilters networks operatingsystems permissions roles storagedomains tags templates users vmpools vms vnicprofiles"
	searchedCollections = " clusters datacenters disks events groups hosts networks storagedomains templates users vmpools vms "
)

func (s *Server) getAPI(r *request) (reply, error) {
	user := ref("users", r.user.ID)
	api := API{
		AuthenticatedUser: *user, EffectiveUser: *user,
		ProductInfo: ProductInfo{
			InstanceID: "5b1a1c56-0000-4000-8000-0123456789ab", Name: "oVirt Engine", Vendor: cmp.Or(s.Vendor, "ovirt.org"),
			Version: Version{Build: ptr(Int(5)), FullVersion: "4.5.5-1.el9", Major: 4, Minor: 5, Revision: ptr(Int(0))},
		},
		SpecialObjects: SpecialObjects{BlankTemplate: *ref("templates", engine.BlankTemplateID), RootTag: *ref("tags", engine.BlankTemplateID)},
		Time:           Millis(s.Engine.Now().UnixMilli()),
	}
	if r.visible == nil { // plain users may not see the summary
		api.Summary = s.summary()
	}
	for _, collection := range strings.Fields(rootCollections) {
		api.Link = append(api.Link, Link{Href: apiRoot + "/" + collection, Rel: collection})
		if strings.Contains(searchedCollections, " "+collection+" ") {
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
