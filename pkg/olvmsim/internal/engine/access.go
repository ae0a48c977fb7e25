package engine

import (
	"net/http"
	"slices"
	"strings"
)

// AdminID is the id of the built-in administrator.
const AdminID = "00000018-0018-0018-0018-00000000021a"

// Types of objects that permissions are given on, in the words of the engine's API model.
const (
	TypeSystem        = "system"
	TypeDataCenter    = "data_center"
	TypeCluster       = "cluster"
	TypeHost          = "host"
	TypeVM            = "vm"
	TypeTemplate      = "template"
	TypeStorageDomain = "storage_domain"
	TypeDisk          = "disk"
	TypeNetwork       = "network"
	TypeVNICProfile   = "vnic_profile"
)

// Permits that the simulated commands need (the engine's ActionGroup).
const (
	permitCreateVM           = "create_vm"
	permitDeleteVM           = "delete_vm"
	permitEditVM             = "edit_vm_properties"
	permitRunVM              = "run_vm"
	permitStopVM             = "stop_vm"
	permitShutDownVM         = "shut_down_vm"
	permitConfigureVMNetwork = "configure_vm_network"
	permitConfigureVMStorage = "configure_vm_storage"
	permitCreateDisk         = "create_disk"
	permitAttachDisk         = "attach_disk"
	permitDeleteDisk         = "delete_disk"
	permitDeleteTemplate     = "delete_template"
	permitCreateTemplate     = "create_template"
	permitEditTemplate       = "edit_template_properties"
	permitEditDisk           = "edit_disk_properties"
	permitConfigureDisk      = "configure_disk_storage"
	permitSparsifyDisk       = "sparsify_disk"
	permitReduceDisk         = "reduce_disk"
)

// Object is what a permission is given on. The id is empty for the system.
type Object struct{ Type, ID string }

// User is an account. Admin says that it may ask unfiltered queries; commands need permits all the same.
type User struct {
	ID, Name string
	Admin    bool
}

// Role is a set of permits.
type Role struct {
	ID, Name       string
	Administrative bool
	Permits        []string
}

// viewsChildren says whether a user of the role sees what is below the object that the role is given on: some permits
// alone do not show anything (the engine's allowsViewingChildren).
func (r Role) viewsChildren() bool {
	return slices.ContainsFunc(r.Permits, func(p string) bool { return !slices.Contains(strings.Fields(blindPermits), p) })
}

// Permission gives a user a role on an object and everything below it.
type Permission struct {
	ID, UserID, RoleID string
	On                 Object
}

// Call says on whose behalf a command runs.
type Call struct {
	User User
	// Filtered says that the caller asked as a plain user: what is made is then the user's own, as the engine's
	// makeCreatorExplicitOwner.
	Filtered      bool
	CorrelationID string
	// Feed collects what the command changes; it may be nil.
	Feed *Feed
}

// authorize refuses a command unless the caller holds the permit on all the objects, or above them.
func (e *Engine) authorize(call Call, permit string, objects ...Object) error {
	e.follow(call, objects)
	for _, o := range objects {
		if !e.holds(call.User.ID, permit, o) {
			return refuse(http.StatusForbidden, msgNotAuthorized)
		}
	}
	return nil
}

func (e *Engine) holds(userID, permit string, o Object) bool {
	above := e.lineage(o)
	return slices.ContainsFunc(e.permissions, func(p Permission) bool {
		return p.UserID == userID && slices.Contains(above, p.On) && slices.Contains(e.role(p.RoleID).Permits, permit)
	})
}

func (e *Engine) role(id string) Role {
	r, _ := pickRef(e.roles, Ref{ID: id}, func(r Role) Ref { return Ref{ID: r.ID} })
	return r
}

// lineage is the object and everything above it, as in the engine's fn_get_entity_parents: a template is below its data
// center and not below its cluster.
func (e *Engine) lineage(o Object) []Object {
	out := []Object{o, {Type: TypeSystem}}
	switch o.Type {
	case TypeCluster:
		out = append(out, Object{TypeDataCenter, e.clusterByID(o.ID).DataCenterID})
	case TypeHost:
		if i := slices.IndexFunc(e.hosts, func(h Host) bool { return h.ID == o.ID }); i >= 0 {
			out = append(out, e.clusterLine(e.hosts[i].ClusterID)...)
		}
	case TypeVM:
		if v, ok := e.vms[o.ID]; ok {
			out = append(out, e.clusterLine(v.ClusterID)...)
		}
	case TypeTemplate:
		if t, ok := e.templates[o.ID]; ok {
			out = append(out, Object{TypeDataCenter, e.clusterByID(t.ClusterID).DataCenterID})
		}
	case TypeStorageDomain:
		sd, _ := e.storageDomainByRef(Ref{ID: o.ID})
		out = append(out, Object{TypeDataCenter, sd.DataCenterID})
	case TypeDisk:
		out = append(out, e.diskLine(o.ID)...)
	case TypeNetwork:
		n, _ := pickRef(e.networks, Ref{ID: o.ID}, func(n Network) Ref { return Ref{ID: n.ID} })
		out = append(out, Object{TypeDataCenter, n.DataCenterID})
	case TypeVNICProfile:
		p, _ := pickRef(e.profiles, Ref{ID: o.ID}, func(p VNICProfile) Ref { return Ref{ID: p.ID} })
		n, _ := pickRef(e.networks, Ref{ID: p.NetworkID}, func(n Network) Ref { return Ref{ID: n.ID} })
		out = append(out, Object{TypeNetwork, n.ID}, Object{TypeDataCenter, n.DataCenterID})
	}
	return out
}

func (e *Engine) clusterLine(id string) []Object {
	return []Object{{TypeCluster, id}, {TypeDataCenter, e.clusterByID(id).DataCenterID}}
}

func (e *Engine) diskLine(id string) []Object {
	disk, ok := e.disks[id]
	if !ok {
		return nil
	}
	sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
	out := []Object{{TypeStorageDomain, sd.ID}, {TypeDataCenter, sd.DataCenterID}}
	for _, owner := range e.owners(id) {
		if v, ok := e.vms[owner]; ok {
			out = append(out, Object{TypeVM, owner}, Object{TypeCluster, v.ClusterID})
		}
	}
	return out
}

// own gives the caller everything that can be done with a VM that was made for a plain user, and with its disks.
func (e *Engine) own(call Call, v *VM) {
	if !call.Filtered {
		return
	}
	e.grant(call.User.ID, roleVMManager, Object{TypeVM, v.ID})
	for _, a := range v.Disks {
		e.grant(call.User.ID, roleDiskOperator, Object{TypeDisk, a.DiskID})
	}
}

func (e *Engine) grant(userID, roleName string, on Object) {
	role, _ := pickRef(e.roles, Ref{Name: roleName}, func(r Role) Ref { return Ref{r.ID, r.Name} })
	e.permissions = append(e.permissions, Permission{ID: e.newID(), UserID: userID, RoleID: role.ID, On: on})
}

// forget drops the permissions on an object that is gone.
func (e *Engine) forget(o Object) {
	e.permissions = slices.DeleteFunc(e.permissions, func(p Permission) bool { return p.On == o })
}

// Users lists the accounts, the built-in administrator first.
func (e *Engine) Users() []User { return locked(e, func() []User { return slices.Clone(e.users) }) }

// Roles lists the roles.
func (e *Engine) Roles() []Role { return locked(e, func() []Role { return slices.Clone(e.roles) }) }

// Permissions lists what the user was given.
func (e *Engine) Permissions(userID string) []Permission {
	return locked(e, func() []Permission {
		return slices.DeleteFunc(slices.Clone(e.permissions), func(p Permission) bool { return p.UserID != userID })
	})
}
