package olvmsim_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// Somebody else's doings come without a call, with their lines in the audit log.
func TestSomebodyElseChangesVMs(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	require.NoError(t, c.s.Engine().PowerOffOutside("n1"))
	require.Equal(t, "down", c.status(vm))
	require.Error(t, c.s.Engine().PowerOffOutside("n1"))
	require.NoError(t, c.s.Engine().RenameOutside("n1", "n2"))
	require.Equal(t, "n2", c.get(vm).text("name"))
	require.ErrorContains(t, c.s.Engine().RenameOutside("n2", "a b"), "special characters")
	require.ErrorContains(t, c.s.Engine().RenameOutside("n2", "n2"), "already in use")
	require.ErrorIs(t, c.s.Engine().RenameOutside("n1", "n3"), olvmsim.ErrNotFound)
	require.NoError(t, c.s.Engine().RemoveOutside("n2"))
	require.Equal(t, "gone", c.status(vm))
	require.Len(t, c.s.Disks(), 1)
	var codes []string
	for _, e := range c.get("/events").json["event"].([]any) {
		codes = append(codes, e.(map[string]any)["code"].(string))
	}
	slices.Reverse(codes)
	require.Equal(t, []string{"33", "61", "35", "113"}, codes[len(codes)-4:])
}

func TestVMRemovedByOthersWhileItIsMade(t *testing.T) {
	c := newStepper(t)
	c.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	require.NoError(t, c.s.Engine().RemoveOutside("n1"))
	c.pass(time.Minute)
	require.Empty(t, c.s.VMs())
	c.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
}

func TestHostDownKillsOrMovesVMs(t *testing.T) {
	const (
		available = `"high_availability":{"enabled":"true"},`
		onHost1   = `"placement_policy":{"hosts":{"host":[{"name":"host1"}]}},`
		pinned    = `"placement_policy":{"affinity":"pinned","hosts":{"host":[{"name":"host1"}]}},`
	)
	for name, test := range map[string]struct {
		migrate       bool
		more          string
		status, other string
		host          string
	}{
		"killed":                        {false, "", "down", "", "down"},
		"highly available runs again":   {false, available, "up", "host2", "down"},
		"moved":                         {true, "", "up", "host2", "non_operational"},
		"pinned cannot be moved":        {true, pinned, "up", "host1", "non_operational"},
		"pinned is not restarted":       {false, available + onHost1, "down", "", "down"},
		"start policy does not hold it": {true, onHost1, "up", "host2", "non_operational"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newStepper(t)
			vm := c.up("n1", test.more)
			require.NoError(t, c.s.Engine().HostDown("host1", test.migrate))
			require.Equal(t, test.host, c.search("hosts", "name=host1").text("host.0.status"))
			c.pass(time.Minute)
			require.Equal(t, test.status, c.status(vm))
			require.Equal(t, test.other, c.s.VMs()[0].Host)
		})
	}
	require.ErrorIs(t, newStepper(t).s.Engine().HostDown("nothing", false), olvmsim.ErrNotFound)
}

func TestHighlyAvailableVMWaitsForAHost(t *testing.T) {
	inv := inventory.Default()
	inv.Hosts = inv.Hosts[:1]
	c := newStepper(t, olvmsim.Options{Inventory: &inv})
	vm := c.up("n1", `"high_availability":{"enabled":"true"},`)
	require.NoError(t, c.s.Engine().HostDown("host1", false))
	c.pass(20 * time.Minute)
	require.Equal(t, "down", c.status(vm))
	require.NoError(t, c.s.SetHostStatus("host1", "up"))
	c.pass(2 * time.Minute)
	require.Equal(t, "up", c.status(vm))
}

func TestMaintenanceEmptiesAHost(t *testing.T) {
	c := newStepper(t)
	c.up("n1", "")
	path := "/hosts/" + c.search("hosts", "name=host1").text("host.0.id")
	c.must(http.StatusOK, http.MethodPost, path+"/deactivate", "")
	require.Equal(t, "preparing_for_maintenance", c.get(path).text("status"))
	c.pass(5 * time.Second)
	require.Equal(t, []string{"maintenance", "host2"}, []string{c.get(path).text("status"), c.s.VMs()[0].Host})
	requireFault(t, c.call(http.MethodPost, path+"/deactivate", ""), true,
		"[Cannot switch Host to Maintenance mode. Host is in Maintenance mode already.]")
	c.must(http.StatusOK, http.MethodPost, path+"/activate", "")
	require.Equal(t, "up", c.get(path).text("status"))
	requireFault(t, c.call(http.MethodPost, path+"/activate", ""), true, "[Cannot activate Host. Host is already active.]")
}

// The scheduler's refusals, one line for each host that it looked at.
func TestNoHostFits(t *testing.T) {
	const noHost = "There is no host that satisfies current scheduling constraints. See below for details:"
	two := func(memory, cores int64) *inventory.Inventory {
		inv := inventory.Default()
		inv.Hosts = []inventory.Host{{Name: "h1", MemoryBytes: memory, Cores: cores}, {Name: "h2", MemoryBytes: memory, Cores: cores, Status: "maintenance"}}
		return &inv
	}
	for name, test := range map[string]struct {
		inv           *inventory.Inventory
		first, second string
		detail        string
	}{
		"memory": {two(6*gib, 32), "", "",
			"The host h1 did not satisfy internal filter Memory because its available memory is too low (2048 MB) to run the VM."},
		"CPU": {two(64*gib, 4), "", `"cpu":{"topology":{"cores":8}},`,
			"The host h1 did not satisfy internal filter CPU because it does not have enough cores to run the VM."},
		"placement": {two(64*gib, 32), "", `"placement_policy":{"hosts":{"host":[{"name":"h2"}]}},`,
			"The host h1 did not satisfy internal filter PinToHost because VM is not pinned to this host."},
	} {
		t.Run(name, func(t *testing.T) {
			c := newStepper(t, olvmsim.Options{Inventory: test.inv})
			c.up("n1", test.first)
			vm := c.vm("n2", test.second)
			requireFault(t, c.call(http.MethodPost, vm+"/start", ""), true, "[Cannot run VM. "+noHost+", "+test.detail+"]")
			require.Equal(t, "down", c.status(vm))
		})
	}
	inv := two(64*gib, 32)
	c := newStepper(t, olvmsim.Options{Inventory: inv})
	requireFault(t, c.call(http.MethodPost, c.up("n1", "")+"/migrate", ""), true, "[Cannot migrate VM. "+noHost+"]")
	require.Equal(t, "64424509440", c.search("hosts", "name=h1").text("host.0.max_scheduling_memory"))
}
