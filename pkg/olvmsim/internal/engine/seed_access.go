package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// AdminName is the built-in administrator.
const AdminName = "admin@internal"

const (
	superUserRoleID  = "00000000-0000-0000-0000-000000000001"
	roleVMManager    = "UserVmManager"
	roleDiskOperator = "DiskOperator"

	vmPermits = "delete_vm edit_vm_properties reboot_vm reset_vm stop_vm shut_down_vm hibernate_vm run_vm change_vm_cd migrate_vm " +
		"connect_to_serial_console connect_to_vm configure_vm_network configure_vm_storage move_vm manipulate_vm_snapshots reconnect_to_vm"
	diskPermits = "attach_disk edit_disk_properties configure_disk_storage delete_disk disk_live_storage_migration sparsify_disk"
	// blindPermits show nothing of what is below the object that they are given on.
	blindPermits = "create_vm create_instance create_template create_vm_pool create_disk access_image_storage login inject_external_events " +
		"inject_external_tasks tag_management bookmark_management event_notification_management audit_log_management"
	// otherPermits complete the list of the engine's permits.
	otherPermits = "import_export_vm change_vm_custom_properties edit_admin_vm_properties create_host edit_host_configuration delete_host " +
		"manipulate_host configure_host_network edit_template_properties delete_template copy_template configure_template_network " +
		"edit_admin_template_properties edit_vm_pool_configuration delete_vm_pool vm_pool_basic_operations create_cluster " +
		"edit_cluster_configuration delete_cluster configure_cluster_network assign_cluster_network manipulate_users manipulate_roles " +
		"manipulate_permissions add_users_and_groups_from_directory edit_profile create_storage_domain edit_storage_domain_configuration " +
		"delete_storage_domain manipulate_storage_domain create_storage_pool delete_storage_pool edit_storage_pool_configuration " +
		"configure_storage_pool_network create_storage_pool_network delete_storage_pool_network configure_engine configure_quota " +
		"consume_quota create_gluster_volume manipulate_gluster_volume delete_gluster_volume manipulate_gluster_hook " +
		"manipulate_gluster_service configure_scsi_generic_io reduce_disk backup_disk configure_network_vnic_profile " +
		"create_network_vnic_profile delete_network_vnic_profile manipulate_affinity_groups configure_storage_disk_profile " +
		"create_storage_disk_profile delete_storage_disk_profile attach_disk_profile create_mac_pool edit_mac_pool delete_mac_pool " +
		"configure_mac_pool delete_cpu_profile update_cpu_profile create_cpu_profile assign_cpu_profile"
)

func allPermits() []string {
	return strings.Fields(vmPermits + " " + diskPermits + " " + blindPermits + " " + otherPermits)
}

func (e *Engine) seedUsers(inv inventory.Inventory) error {
	e.users = []User{{ID: AdminID, Name: AdminName, Admin: true}}
	e.roles = []Role{
		{ID: superUserRoleID, Name: "SuperUser", Administrative: true, Permits: allPermits()},
		{ID: stableID("", "role", roleVMManager), Name: roleVMManager, Permits: append(strings.Fields(vmPermits), "login")},
		{ID: stableID("", "role", roleDiskOperator), Name: roleDiskOperator, Permits: append(strings.Fields(diskPermits), "login")},
	}
	e.grant(AdminID, "SuperUser", Object{Type: TypeSystem})
	for _, u := range inv.Users {
		if err := e.seedUser(u); err != nil {
			return fmt.Errorf("inventory: user %q: %w", u.Name, err)
		}
	}
	return nil
}

func (e *Engine) seedUser(u inventory.User) error {
	name, profile, _ := strings.Cut(u.Name, "@")
	switch {
	case name == "" || profile == "":
		return fmt.Errorf("the name must be NAME@PROFILE, such as operator@internal")
	case slices.ContainsFunc(e.users, func(other User) bool { return other.Name == u.Name }):
		return fmt.Errorf("the name is taken")
	case u.Password == "":
		return fmt.Errorf("a password is needed")
	}
	user := User{ID: stableID(u.ID, "user", u.Name), Name: u.Name, Admin: u.Admin}
	e.users = append(e.users, user)
	for _, r := range u.Roles {
		if err := e.seedRole(r); err != nil {
			return fmt.Errorf("role %q: %w", r.Name, err)
		}
		on, err := e.seedObject(r.On)
		if err != nil {
			return fmt.Errorf("role %q: %w", r.Name, err)
		}
		e.grant(user.ID, r.Name, on)
	}
	return nil
}

// seedRole makes the role when it is first named with its permits; it may be named again without them.
func (e *Engine) seedRole(r inventory.Role) error {
	known := allPermits()
	for _, p := range r.Permits {
		if !slices.Contains(known, p) {
			return fmt.Errorf("permit %q is not one of the engine's", p)
		}
	}
	existing, ok := pickRef(e.roles, Ref{Name: r.Name}, func(r Role) Ref { return Ref{r.ID, r.Name} })
	switch {
	case !ok && (r.Name == "" || len(r.Permits) == 0):
		return fmt.Errorf("a name and permits are needed")
	case !ok:
		e.roles = append(e.roles, Role{ID: stableID("", "role", r.Name), Name: r.Name, Permits: r.Permits})
	case len(r.Permits) > 0 && !slices.Equal(r.Permits, existing.Permits):
		return fmt.Errorf("it has other permits elsewhere")
	}
	return nil
}

func (e *Engine) seedObject(on inventory.Object) (Object, error) {
	switch on.Type {
	case "", "system":
		return Object{Type: TypeSystem}, nil
	case "dataCenter":
		return findObject(e.dataCenters, TypeDataCenter, on.Name, func(d DataCenter) Ref { return Ref{d.ID, d.Name} })
	case "cluster":
		return findObject(e.clusters, TypeCluster, on.Name, func(c Cluster) Ref { return Ref{c.ID, c.Name} })
	case "template":
		return findObject(e.templateList(), TypeTemplate, on.Name, func(t *Template) Ref { return Ref{t.ID, t.Name} })
	case "storageDomain":
		return findObject(e.storageDomains, TypeStorageDomain, on.Name, func(s StorageDomain) Ref { return Ref{s.ID, s.Name} })
	case "network":
		return findObject(e.networks, TypeNetwork, on.Name, func(n Network) Ref { return Ref{n.ID, n.Name} })
	case "vnicProfile":
		return findObject(e.profiles, TypeVNICProfile, on.Name, func(p VNICProfile) Ref { return Ref{p.ID, p.Name} })
	}
	return Object{}, fmt.Errorf("on.type %q: must be system, dataCenter, cluster, template, storageDomain, network or vnicProfile", on.Type)
}

func findObject[T any](items []T, kind, name string, refOf func(T) Ref) (Object, error) {
	item, ok := pickRef(items, Ref{Name: name}, refOf)
	if !ok {
		return Object{}, fmt.Errorf("no %s %q", kind, name)
	}
	return Object{kind, refOf(item).ID}, nil
}
