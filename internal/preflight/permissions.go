package preflight

import (
	"context"
	"fmt"
	"slices"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// The permits that making VMs takes (engine: getPermissionCheckSubjects of AddVmCommand and AddVmInterfaceCommand). On a VM that it makes,
// an account that is no administrator gets every other one from the engine.
const (
	createVM         = "create_vm"
	createDisk       = "create_disk"
	configureNetwork = "configure_vm_network"
)

// rights are what an account may do: for each role that it has, the permits and where.
type rights []grant

type grant struct {
	ovirt.Permission
	permits []string
}

// need is a permit on one object, or on anything above it.
type need struct {
	permit string
	object string   // for people
	on     []target // the object and what is above it, but for the system
	// role is one of the engine's own that has the permit.
	role string
}

type target struct{ objectType, id string }

func (r rights) meet(n need) bool {
	return slices.ContainsFunc(r, func(g grant) bool {
		return slices.Contains(g.permits, n.permit) &&
			(g.ObjectType == ovirt.OnSystem || slices.Contains(n.on, target{g.ObjectType, g.ObjectID}))
	})
}

// mayReadRights says whether the account's rights are needed and known. Administrators are not asked: what they may do can come from
// anywhere, and the engine says at once when something is missing.
func (s *survey) mayReadRights(ctx context.Context) (bool, error) {
	if !s.engine.UserLevel() {
		return false, nil
	}
	if s.rights != nil {
		return true, nil
	}
	read, err := readRights(ctx, s.engine)
	if err != nil {
		return false, s.unread(Permissions, s.wanted.Subjects.Credentials, err)
	}
	s.rights = &read
	return true, nil
}

func readRights(ctx context.Context, engine *ovirt.Client) (rights, error) {
	user, err := engine.CurrentUser(ctx)
	if err != nil {
		return nil, err
	}
	permissions, err := engine.Permissions(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	var read rights
	permits := map[string][]string{} // by role
	for _, p := range permissions {
		if _, known := permits[p.RoleID]; !known {
			if permits[p.RoleID], err = engine.Permits(ctx, p.RoleID); err != nil {
				return nil, err
			}
		}
		read = append(read, grant{p, permits[p.RoleID]})
	}
	return read, nil
}

// checkPermissions compares what the account may do with what making VMs in a place takes, as far as the place was found.
func (s *survey) checkPermissions(ctx context.Context, p *place, _ inventory) error {
	known, err := s.mayReadRights(ctx)
	if err != nil || !known {
		return err
	}
	above := target{ovirt.OnDataCenter, s.dataCenter.ID}
	check := func(subject, permit, object, role string, on target) {
		n := need{permit: permit, object: object, role: role, on: []target{on, above}}
		if !s.rights.meet(n) {
			s.lacks(subject, n)
		}
	}
	if p.cluster != nil {
		check(p.group.clusterKey(), createVM, fmt.Sprintf("cluster %q", p.cluster.Name), "VmCreator", target{ovirt.OnCluster, p.cluster.ID})
	}
	if p.template != nil {
		check(p.group.templateKey(), createVM, fmt.Sprintf("template %q", p.template.Name), "UserTemplateBasedVm",
			target{ovirt.OnTemplate, p.template.ID})
	}
	if p.profile != nil {
		check(p.group.vnicProfileKey(), configureNetwork, fmt.Sprintf("vNIC profile %q", p.profile.Name), "VnicProfileUser",
			target{ovirt.OnVNICProfile, p.profile.ID})
	}
	for i, at := range p.nics {
		if at.profile != nil {
			check(p.group.AdditionalNICs[i].Path+"vnicProfileName", configureNetwork, fmt.Sprintf("vNIC profile %q", at.profile.Name), "VnicProfileUser",
				target{ovirt.OnVNICProfile, at.profile.ID})
		}
	}
	if len(p.domains) == 1 { // of several, the engine takes one that the account may use
		subject := p.group.templateKey()
		if p.group.Disks.Domain != "" {
			subject = p.group.storageDomainKey()
		}
		p.made = append(p.made, madeDisk{subject, p.domains[0]})
	}
	for _, disk := range p.made {
		check(disk.subject, createDisk, fmt.Sprintf("storage domain %q", disk.domain.Name), "DiskCreator",
			target{ovirt.OnStorageDomain, disk.domain.ID})
	}
	return nil
}

func (s *survey) lacks(subject string, n need) {
	s.report(Permissions, subject, fmt.Sprintf("%s lacks the permit %s on %s", s.wanted.Username, n.permit, n.object),
		fmt.Sprintf("Let the engine's administrator give it a role with %s, such as %s, on this %s or on the data center.",
			n.permit, n.role, n.object))
}

// checkPermissionsAnywhere is for those who do not know yet where machines will be.
func (s *survey) checkPermissionsAnywhere(ctx context.Context) error {
	known, err := s.mayReadRights(ctx)
	if err != nil || !known {
		return err
	}
	for _, permit := range []string{createVM, createDisk, configureNetwork} {
		if !slices.ContainsFunc(*s.rights, func(g grant) bool { return slices.Contains(g.permits, permit) }) {
			s.report(Permissions, s.wanted.Subjects.Credentials, fmt.Sprintf("%s has no role with the permit %s", s.wanted.Username, permit),
				"Let the engine's administrator give it one, on the data center or on what machines use of it.")
		}
	}
	return nil
}
