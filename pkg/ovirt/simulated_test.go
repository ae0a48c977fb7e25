package ovirt_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	machineID = "5f3c2c1e-9d0f-4a38-9f5b-0f6f1f0c7a11"
	otherID   = "6a1d7a52-3c2e-4b1f-8a44-52f4c9f0be22"
	patience  = 2 * time.Minute
)

// limited is a client of a simulated engine as a user who has these roles, and the place that an administrator sees there.
func limited(t *testing.T, change func(*inventory.Inventory), roles ...inventory.Role) (*ovirt.Client, place) {
	t.Helper()
	have := inventory.Default()
	have.Users = []inventory.User{{Name: "operator@internal", Password: "op", Roles: roles}}
	change(&have)
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have})
	as := func(name, password string) *ovirt.Client {
		c, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: name, Password: password, CA: sim.CA()})
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	administrator := as(sim.Username(), sim.Password())
	where := find(t, administrator)
	require.False(t, administrator.UserLevel())
	return as("operator@internal", "op"), where
}

// place is what the names in the default inventory stand for.
type place struct {
	dataCenter *ovirt.DataCenter
	cluster    *ovirt.Cluster
	network    *ovirt.Network
	profile    *ovirt.VNICProfile
	template   *ovirt.Template
}

func find(t *testing.T, c *ovirt.Client) place {
	t.Helper()
	var p place
	var err error
	p.dataCenter, err = c.DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	p.cluster, err = c.ClusterByName(t.Context(), p.dataCenter.ID, "Default")
	require.NoError(t, err)
	p.network, err = c.NetworkByName(t.Context(), p.dataCenter.ID, "ovirtmgmt")
	require.NoError(t, err)
	p.profile, err = c.VNICProfileByName(t.Context(), p.network.ID, "ovirtmgmt")
	require.NoError(t, err)
	p.template, err = c.TemplateByName(t.Context(), p.dataCenter.ID, "ock")
	require.NoError(t, err)
	return p
}

func machineRoles() []inventory.Role {
	return []inventory.Role{
		{Name: "Creator", Permits: []string{"create_vm"}, On: inventory.Object{Type: "cluster", Name: "Default"}},
		{Name: "TemplateUser", Permits: []string{"create_vm"}, On: inventory.Object{Type: "template", Name: "ock"}},
		{Name: "DiskCreator", Permits: []string{"create_disk"}, On: inventory.Object{Type: "storageDomain", Name: "data"}},
		{Name: "Connector", Permits: []string{"configure_vm_network"}, On: inventory.Object{Type: "vnicProfile", Name: "ovirtmgmt"}},
	}
}

func keep(*inventory.Inventory) {}

func TestAUserWithTheRightRolesMakesAndRemovesAVM(t *testing.T) {
	c, _ := limited(t, keep, machineRoles()...)
	ctx := t.Context()
	where := find(t, c)
	require.True(t, c.UserLevel())
	_, err := c.AddVM(ctx, ovirt.AddVM{ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: where.template.ID}, "c1")
	require.NoError(t, err)
	awaitStatus(t, c, ovirt.StatusDown)
	_, err = c.AddNIC(ctx, machineID, ovirt.NIC{Name: "nic1", VNICProfileID: where.profile.ID})
	require.NoError(t, err)
	require.NoError(t, c.StartVM(ctx, machineID))
	require.NoError(t, c.ClearInitialization(ctx, machineID))
	vms, err := c.VMs(ctx, "")
	require.NoError(t, err)
	require.Len(t, vms, 1)

	require.NoError(t, c.StopVM(ctx, machineID))
	awaitStatus(t, c, ovirt.StatusDown)
	require.NoError(t, c.RemoveVM(ctx, machineID))
	require.Eventually(t, func() bool {
		_, err := c.VM(ctx, machineID)
		return ovirt.KindOf(err) == ovirt.NotFound
	}, patience, 5*time.Millisecond)
}

func awaitStatus(t *testing.T, c *ovirt.Client, status string) {
	t.Helper()
	require.Eventually(t, func() bool {
		vm, err := c.VM(t.Context(), machineID)
		return err == nil && vm.Status == status
	}, patience, 5*time.Millisecond)
}

func TestEachMissingPermitIsForbiddenInTheEnginesWords(t *testing.T) {
	for n, missing := range []string{"create_vm on the cluster", "create_vm on the template", "create_disk", "configure_vm_network"} {
		t.Run(missing, func(t *testing.T) {
			c, where := limited(t, keep, slices.Delete(machineRoles(), n, n+1)...)
			_, err := c.DataCenters(t.Context())
			require.NoError(t, err)
			vm := ovirt.AddVM{ID: machineID, Name: "demo-1", ClusterID: where.cluster.ID, TemplateID: where.template.ID}
			_, err = c.AddVM(t.Context(), vm, "c1")
			if missing == "configure_vm_network" {
				require.NoError(t, err)
				awaitStatus(t, c, ovirt.StatusDown)
				_, err = c.AddNIC(t.Context(), machineID, ovirt.NIC{Name: "nic1", VNICProfileID: where.profile.ID})
			}
			require.ErrorIs(t, err, ovirt.Forbidden)
			require.ErrorContains(t, err, "User is not authorized to perform this action.")
		})
	}
}

func TestAUserSeesOnlyWhatTheRolesShow(t *testing.T) {
	c, _ := limited(t, func(have *inventory.Inventory) {
		have.Clusters = append(have.Clusters, inventory.Cluster{Name: "Second"})
		have.Templates = append(have.Templates, inventory.Template{Name: "secret"})
	}, machineRoles()...)
	ctx := t.Context()
	dataCenters, err := c.DataCenters(ctx)
	require.NoError(t, err)
	require.Len(t, dataCenters, 1)
	clusters, err := c.Clusters(ctx, dataCenters[0].ID)
	require.NoError(t, err)
	require.Len(t, clusters, 1)
	require.Equal(t, "Default", clusters[0].Name)
	templates, err := c.Templates(ctx, dataCenters[0].ID)
	require.NoError(t, err)
	for _, each := range templates {
		require.NotEqual(t, "secret", each.Name)
	}
	_, err = c.TemplateByName(ctx, dataCenters[0].ID, "secret") // the engine ignores the search
	require.ErrorIs(t, err, ovirt.NotFound)
	_, err = c.Jobs(ctx, "c1")
	require.ErrorIs(t, err, ovirt.Forbidden)
	_, err = c.NetworkFilter(ctx, machineID)
	require.ErrorIs(t, err, ovirt.Forbidden)
}

func TestAUserReadsTheOwnPermissions(t *testing.T) {
	c, where := limited(t, keep, machineRoles()...)
	ctx := t.Context()
	_, err := c.System(ctx)
	require.NoError(t, err)
	user, err := c.CurrentUser(ctx)
	require.NoError(t, err)
	require.Equal(t, "operator@internal", user.Name)
	permissions, err := c.Permissions(ctx, user.ID)
	require.NoError(t, err)
	granted := map[string]string{}
	for _, each := range permissions {
		permits, err := c.Permits(ctx, each.RoleID)
		require.NoError(t, err)
		for _, permit := range permits {
			granted[permit+" on "+each.ObjectType] = each.ObjectID
		}
	}
	require.Equal(t, where.cluster.ID, granted["create_vm on cluster"])
	require.Equal(t, where.template.ID, granted["create_vm on template"])
	require.Equal(t, where.profile.ID, granted["configure_vm_network on vnic_profile"])
	require.NotEmpty(t, granted["create_disk on storage_domain"])
}

func TestTheTemplatesDiskLeadsToItsStorage(t *testing.T) {
	c, where := limited(t, keep, machineRoles()...)
	ctx := t.Context()
	disks, err := c.TemplateDisks(ctx, where.template.ID)
	require.NoError(t, err)
	require.Len(t, disks, 1)
	require.True(t, disks[0].Bootable)
	disk, err := c.Disk(ctx, disks[0].DiskID)
	require.NoError(t, err)
	domains, err := c.StorageDomains(ctx, where.dataCenter.ID)
	require.NoError(t, err)
	require.Len(t, domains, 1, "data2 is not shown")
	require.Equal(t, []string{domains[0].ID}, disk.StorageDomainIDs)
	require.Equal(t, "active", domains[0].Status)
	nics, err := c.TemplateNICs(ctx, where.template.ID)
	require.NoError(t, err)
	require.Empty(t, nics)
}

func TestANetworkFilterHasAName(t *testing.T) {
	have := inventory.Default()
	have.VNICProfiles[0].NetworkFilter = "no-ip-spoofing"
	sim := olvmsim.New(t, olvmsim.Options{Inventory: &have})
	c, err := ovirt.New(ovirt.Config{URL: sim.URL(), Username: sim.Username(), Password: sim.Password(), CA: sim.CA()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	filter, err := c.NetworkFilter(t.Context(), find(t, c).profile.NetworkFilterID)
	require.NoError(t, err)
	require.Equal(t, "no-ip-spoofing", filter.Name)
}
