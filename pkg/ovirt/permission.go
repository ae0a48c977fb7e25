package ovirt

import (
	"cmp"
	"context"
	"net/http"
)

// User is an account of the engine.
type User struct {
	ID   string
	Name string // user@profile
}

// What a role can be granted on: Permission.ObjectType.
const (
	OnSystem        = "system" // everything; see Permission
	OnDataCenter    = "data_center"
	OnCluster       = "cluster"
	OnTemplate      = "template"
	OnStorageDomain = "storage_domain"
	OnVNICProfile   = "vnic_profile"
	OnHost          = "host"
	OnVM            = "vm"
	OnVMPool        = "vm_pool"
	OnDisk          = "disk"
)

// Permission is a role that a user, or a group of the user, has on an object and on all that is below it.
//
// The API has no reference for some types, vNIC profiles among them: engines then name no object, which reads as OnSystem. So
// permissions can look wider than they are, never narrower.
type Permission struct {
	RoleID     string
	ObjectType string // one of the On constants
	ObjectID   string // empty for OnSystem
}

// CurrentUser reads whom the engine knows this client as.
func (c *Client) CurrentUser(ctx context.Context) (*User, error) {
	user, err := one(ctx, c, rootRequest("read who is logged in"), func(w *wireAuthenticated) User { return User{ID: w.User.ID, Name: w.User.Name} })
	if err == nil {
		user.Name = cmp.Or(user.Name, c.config.Username) // engines give the id alone: BackendApiResource
	}
	return user, err
}

// Permissions lists the roles that a user has.
func (c *Client) Permissions(ctx context.Context, userID string) ([]Permission, error) {
	return list(ctx, c, request{
		name: "users.permissions.list", operation: "list permissions of user", object: userID,
		method: http.MethodGet, path: []string{"users", userID, "permissions"},
	}, "permission", permissionOf)
}

// Permits lists what a role allows, by the names of the API model's Permit, for example create_vm.
func (c *Client) Permits(ctx context.Context, roleID string) ([]string, error) {
	return list(ctx, c, request{
		name: "roles.permits.list", operation: "list permits of role", object: roleID,
		method: http.MethodGet, path: []string{"roles", roleID, "permits"},
	}, "permit", func(w *wireInventory) string { return w.Name })
}
