package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	statusOK     = "ok"
	statusUp     = "up"
	statusActive = "active"
)

// inventory is what a data center holds, as far as this account sees it.
type inventory struct {
	clusters  []ovirt.Cluster
	networks  []ovirt.Network
	templates []ovirt.Template
	domains   []ovirt.StorageDomain
}

// place is the engine's side of a group; what was not found is nil.
type place struct {
	group    Group
	cluster  *ovirt.Cluster
	network  *ovirt.Network
	profile  *ovirt.VNICProfile
	template *ovirt.Template
	domains  []ovirt.StorageDomain // that hold the template's boot disk, or the one that is named for the VM's
	made     []madeDisk            // beside the boot disk
	nics     []nicPlace            // of the additional NICs, in their order
	hosts    []ovirt.Host          // of the cluster, as far as the account sees them
}

// madeDisk is where a disk is made, and who says so.
type madeDisk struct {
	subject string
	domain  ovirt.StorageDomain
}

// checkPlaces checks where each group's machines shall be.
func (s *survey) checkPlaces(ctx context.Context) error {
	if s.dataCenter == nil || len(s.wanted.Groups) == 0 {
		return nil
	}
	found, err := s.readInventory(ctx)
	if err != nil {
		return err
	}
	for _, group := range s.wanted.Groups {
		p := place{group: group}
		s.findCluster(&p, found)
		s.findTemplate(&p, found)
		for _, check := range []func(context.Context, *place, inventory) error{
			s.checkHosts, s.checkPlacement, s.checkNetwork, s.checkNetworkFilter, s.checkNICs, s.checkTemplate, s.checkDisks, s.checkShape,
			s.checkPermissions,
		} {
			if err := check(ctx, &p, found); err != nil {
				return err
			}
		}
		s.places = append(s.places, p)
	}
	s.checkApart()
	return nil
}

func (s *survey) readInventory(ctx context.Context) (inventory, error) {
	var found inventory
	var err error
	id := s.dataCenter.ID
	if found.clusters, err = s.engine.Clusters(ctx, id); err != nil {
		return found, err
	}
	if found.networks, err = s.engine.Networks(ctx, id); err != nil {
		return found, err
	}
	if found.templates, err = s.engine.Templates(ctx, id); err != nil {
		return found, err
	}
	found.domains, err = s.engine.StorageDomains(ctx, id)
	return found, err
}

func (s *survey) findCluster(p *place, found inventory) {
	i := slices.IndexFunc(found.clusters, func(c ovirt.Cluster) bool { return c.Name == p.group.Cluster })
	if i >= 0 {
		p.cluster = &found.clusters[i]
		return
	}
	s.missing(Cluster, p.group.clusterKey(), "cluster", p.group.Cluster, names(found.clusters, func(c ovirt.Cluster) string { return c.Name }))
}

// checkHosts looks for a host that can run VMs. Accounts that are no administrators may not see hosts at all.
func (s *survey) checkHosts(ctx context.Context, p *place, _ inventory) error {
	if p.cluster == nil {
		return nil
	}
	subject := p.group.clusterKey()
	hosts, err := s.engine.Hosts(ctx, p.cluster.ID)
	if err != nil {
		return s.unread(Hosts, subject, err)
	}
	p.hosts = hosts
	switch {
	case slices.ContainsFunc(hosts, func(h ovirt.Host) bool { return h.Status == statusUp }):
	case len(hosts) == 0 && s.engine.UserLevel():
		s.warn(Hosts, subject, fmt.Sprintf("%s sees no host of cluster %q", s.wanted.Username, p.cluster.Name),
			"Make sure that a host of it is up, as an administrator.")
	case len(hosts) == 0:
		s.report(Hosts, subject, fmt.Sprintf("cluster %q has no host", p.cluster.Name), "Add a host to it in the engine.")
	default:
		states := names(hosts, func(h ovirt.Host) string { return h.Name + " is " + h.Status })
		s.report(Hosts, subject, fmt.Sprintf("no host of cluster %q is up: %s", p.cluster.Name, strings.Join(states, ", ")),
			"Activate a host in the engine, or name another cluster.")
	}
	return nil
}

func (s *survey) checkNetwork(ctx context.Context, p *place, found inventory) error {
	g := p.group
	i := slices.IndexFunc(found.networks, func(n ovirt.Network) bool { return n.Name == g.Network })
	if i < 0 {
		s.missing(Network, g.networkKey(), "network", g.Network, names(found.networks, func(n ovirt.Network) string { return n.Name }))
		return nil
	}
	p.network = &found.networks[i]
	if p.network.ExternalProviderID != "" && g.HoldsVirtualIP {
		s.warn(Network, g.networkKey(),
			fmt.Sprintf("network %q is of an external provider, whose port security may drop what comes from the virtual IP", p.network.Name),
			"Turn port security off for this network, or choose one that the engine itself provides.")
	}
	profiles, err := s.engine.VNICProfiles(ctx, p.network.ID)
	if err != nil {
		return s.unread(VNICProfile, g.vnicProfileKey(), err)
	}
	i = slices.IndexFunc(profiles, func(v ovirt.VNICProfile) bool { return v.Name == g.VNICProfile })
	if i < 0 {
		s.missing(VNICProfile, g.vnicProfileKey(), fmt.Sprintf("vNIC profile of network %q with the name", p.network.Name), g.VNICProfile,
			names(profiles, func(v ovirt.VNICProfile) string { return v.Name }))
		return nil
	}
	p.profile = &profiles[i]
	if p.profile.PassThrough {
		s.report(VNICProfile, g.vnicProfileKey(),
			fmt.Sprintf("vNIC profile %q passes a device of the host through, which is no way to give nodes a virtio NIC and a virtual IP", p.profile.Name),
			"Choose a profile without pass-through.")
	}
	return nil
}

// checkNetworkFilter looks for a filter that breaks an address that moves from VM to VM.
func (s *survey) checkNetworkFilter(ctx context.Context, p *place, _ inventory) error {
	if p.profile == nil || p.profile.NetworkFilterID == "" || !p.group.HoldsVirtualIP {
		return nil
	}
	subject := p.group.vnicProfileKey()
	filter, err := s.engine.NetworkFilter(ctx, p.profile.NetworkFilterID)
	if ovirt.KindOf(err) == ovirt.Forbidden { // as always for accounts that are no administrators
		s.warn(VNICProfile, subject,
			fmt.Sprintf("vNIC profile %q has a network filter, and %s may not read which", p.profile.Name, s.wanted.Username),
			"Make sure that it is vdsm-no-mac-spoofing: filters against foreign addresses break the virtual IP.")
		return nil
	}
	if err != nil {
		return s.unread(VNICProfile, subject, err)
	}
	if blocksForeignAddresses(filter.Name) {
		s.report(VNICProfile, subject,
			fmt.Sprintf("network filter %s of vNIC profile %q drops what a node sends from the virtual IP", filter.Name, p.profile.Name),
			"Choose a profile whose network filter is vdsm-no-mac-spoofing, or that has none.")
	}
	return nil
}

// blocksForeignAddresses knows the filters of libvirt (nwfilter) that let a VM use only the addresses that it had first.
func blocksForeignAddresses(filter string) bool {
	return strings.HasPrefix(filter, "clean-traffic") ||
		slices.Contains([]string{"no-ip-spoofing", "no-arp-ip-spoofing", "no-arp-spoofing"}, filter)
}
