package rest

import (
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// showUser splits a name at its profile; the directory behind a profile is named after it.
func showUser(u engine.User) User {
	self := ref("users", u.ID)
	name, profile := u.Name, ""
	if at := strings.LastIndex(u.Name, "@"); at >= 0 {
		name, profile = u.Name[:at], u.Name[at+1:]
	}
	directory := profile + "-authz"
	return User{
		Domain: Ref{Name: directory}, Href: self.Href, ID: u.ID, Link: subLinks(self.Href, "permissions", "roles", "tags", "sshpublickeys"),
		Name: name, Namespace: "*", Principal: name, UserName: name + "@" + directory,
	}
}

func showPermission(p engine.Permission) Permission {
	out := Permission{
		Href: ref("users", p.UserID).Href + "/permissions/" + p.ID, ID: p.ID, Role: *ref("roles", p.RoleID), User: *ref("users", p.UserID),
	}
	switch p.On.Type {
	case engine.TypeDataCenter:
		out.DataCenter = ref("datacenters", p.On.ID)
	case engine.TypeCluster:
		out.Cluster = ref("clusters", p.On.ID)
	case engine.TypeHost:
		out.Host = ref("hosts", p.On.ID)
	case engine.TypeVM:
		out.VM = ref("vms", p.On.ID)
	case engine.TypeTemplate:
		out.Template = ref("templates", p.On.ID)
	case engine.TypeStorageDomain:
		out.StorageDomain = ref("storagedomains", p.On.ID)
	case engine.TypeDisk:
		out.Disk = ref("disks", p.On.ID)
	case engine.TypeNetwork:
		out.Network = ref("networks", p.On.ID)
	case engine.TypeVNICProfile:
		out.VNICProfile = ref("vnicprofiles", p.On.ID)
	}
	return out
}

func showRole(r engine.Role) Role {
	self := ref("roles", r.ID)
	return Role{
		Administrative: Bool(r.Administrative), Href: self.Href, ID: r.ID, Link: subLinks(self.Href, "permits"),
		Mutable: false, Name: r.Name,
	}
}

func showPermit(roleID, permit string) Permit {
	return Permit{Href: ref("roles", roleID).Href + "/permits/" + permit, ID: permit, Name: permit, Role: *ref("roles", roleID)}
}

func showNetworkFilter(f engine.NetworkFilter) NetworkFilter {
	return NetworkFilter{Href: ref("networkfilters", f.ID).Href, ID: f.ID, Name: f.Name, Version: Version{Major: 3, Minor: 6}}
}
