package olvmsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// stepper drives an engine whose time passes by the test only.
type stepper struct {
	*client
	s *olvmsim.Simulator
}

func newStepper(t *testing.T, options ...olvmsim.Options) *stepper {
	t.Helper()
	o := olvmsim.Options{}
	if len(options) > 0 {
		o = options[0]
	}
	o.Clock = olvmsim.Stepped
	s := olvmsim.New(t, o)
	return &stepper{newClient(t, s), s}
}

func (c *stepper) pass(d time.Duration) {
	c.t.Helper()
	require.NoError(c.t, c.s.Advance(d))
}

// vm makes a VM from the template ock that is down; more is further JSON such as `"comment":"x",`.
func (c *stepper) vm(name, more string) (path string) {
	c.t.Helper()
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", `{`+more+`"name":"`+name+`","cluster":{"name":"Default"},"template":{"name":"ock"}}`)
	c.pass(10 * time.Second)
	return "/vms/" + a.text("id")
}

// up makes a VM that is up.
func (c *stepper) up(name, more string) (path string) {
	c.t.Helper()
	path = c.vm(name, more)
	c.must(http.StatusOK, http.MethodPost, path+"/start", "")
	c.pass(time.Minute)
	require.Equal(c.t, "up", c.get(path).text("status"))
	return path
}

// do takes a step on the VM: lets time pass (3s), removes it (delete), or gives a command with an optional body.
func (c *stepper) do(vm, step string) answer {
	c.t.Helper()
	if d, err := time.ParseDuration(step); err == nil {
		c.pass(d)
		return answer{status: http.StatusOK}
	}
	command, body, _ := strings.Cut(step, " ")
	if command == "delete" {
		return c.call(http.MethodDelete, vm, "")
	}
	return c.call(http.MethodPost, vm+"/"+command, body)
}

func (c *stepper) status(vm string) string {
	c.t.Helper()
	a := c.get(vm)
	if a.status == http.StatusNotFound {
		return "gone"
	}
	return a.text("status")
}

const toUp = "start=wait_for_launch, 1m=up, "

// Each case walks one VM, which is down at first, through steps; what follows the equals sign is its status after the step.
func TestVMWalksThroughItsStates(t *testing.T) {
	for name, test := range map[string]struct {
		steps     string
		behaviour engine.GuestBehaviour
	}{
		"start":                        {steps: "start=wait_for_launch, 1s=powering_up, 58s=powering_up, 1s=up"},
		"shutdown":                     {steps: toUp + "shutdown=powering_down, 2s=powering_down, 1s=down, 20m=down"},
		"shutdown while powering up":   {steps: "start=wait_for_launch, 1s=powering_up, shutdown=powering_down, 3s=down, 1m=down"},
		"shutdown of a deaf guest":     {toUp + "shutdown=powering_down, 20m=powering_down, stop=powering_down, 500ms=down", engine.GuestBehaviour{Deaf: true}},
		"stop":                         {steps: toUp + "stop=powering_down, 500ms=down"},
		"stop of a launch":             {steps: "start=wait_for_launch, stop=powering_down, 500ms=down, 1m=down"},
		"reboot":                       {steps: toUp + "reboot=reboot_in_progress, 59s=reboot_in_progress, 1s=up"},
		"reset":                        {steps: toUp + "reset=reboot_in_progress, 1m=up"},
		"shutdown while rebooting":     {steps: toUp + "reboot=reboot_in_progress, shutdown=powering_down, 3s=down, 1m=down"},
		"suspend and resume":           {steps: toUp + "suspend=saving_state, 3s=suspended, start=restoring_state, 3s=up, 1m=up"},
		"stop of a suspended one":      {steps: toUp + "suspend=saving_state, 3s=suspended, stop=powering_down, 500ms=down"},
		"migrate":                      {steps: toUp + "migrate=migrating, 5s=up"},
		"cancelled migration":          {steps: toUp + "migrate=migrating, cancelmigration=up, 1m=up"},
		"stop while migrating":         {steps: toUp + "migrate=migrating, stop=powering_down, 5s=down"},
		"start paused":                 {steps: `start {"pause":"true"}=wait_for_launch, 1s=paused, 20m=paused, start=powering_up, 1m=up`},
		"stop of one that is down":     {steps: "stop=down, 1m=down, shutdown=down"},
		"remove":                       {steps: "delete=image_locked, 1s=gone"},
		"clone locks the source":       {steps: `clone {"vm":{"name":"copy"}}=image_locked, 10s=down`},
		"snapshot of one that is down": {steps: `snapshots {"description":"s"}=image_locked, 2s=down`},
		"snapshot of one that is up":   {steps: toUp + `snapshots {"description":"s"}=up, 2s=up`},
		"slow boot":                    {"start=wait_for_launch, 1m=powering_up, 1m=up", engine.GuestBehaviour{Delay: time.Minute}},
		"never up":                     {"start=wait_for_launch, 20m=powering_up, stop=powering_down, 1s=down", engine.GuestBehaviour{NeverUp: true}},
		"failed run":                   {"start=wait_for_launch, 1s=down, 1m=down", engine.GuestBehaviour{FailsToRun: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newStepper(t)
			require.NoError(t, c.s.Engine().SetGuestBehaviour("n*", test.behaviour))
			vm := c.vm("n1", "")
			for _, step := range strings.Split(test.steps, ", ") {
				at := strings.LastIndex(step, "=")
				a := c.do(vm, step[:at])
				require.Less(t, a.status, http.StatusBadRequest, "%s: %s", step, a.raw)
				require.Equal(t, step[at+1:], c.status(vm), step)
			}
			for _, job := range c.s.Jobs() {
				require.Equal(t, "finished", job.Status, job.Description)
			}
		})
	}
}

// What a VM that is in a state refuses, with the status 409 and the fault inside the action except for DELETE.
func TestVMRefusesWhatItsStateForbids(t *testing.T) {
	const locked = "VM is locked. Please try again in a few minutes."
	for state, test := range map[string]struct {
		steps   string
		refused map[string]string
	}{
		"down": {"", map[string]string{
			"reboot": "Cannot reboot VM. VM is not running.", "reset": "Cannot reset VM. VM is not running.",
			"suspend": "Cannot suspend VM. VM is not running.", "migrate": "Cannot migrate VM. VM is not running.",
			"cancelmigration": "Cannot cancel VM migration. VM is not migrating.", "ticket": "Cannot set console password of VM. VM is not running.",
			"screenshot": "Cannot take a screenshot of VM. VM is not running.", "freezefilesystems": "Cannot freeze VM. VM is not running.",
			"detach": "Cannot detach VM from VM-Pool. VM is not attached to it.", "undosnapshot": "Cannot undo Snapshot. VM is not previewing a Snapshot.",
			"clone " + `{"vm":{"name":"n1"}}`: "Cannot clone VM. The VM name is already in use, " +
				"please choose a unique name and try again.",
			`start {"use_ignition":"true","use_cloud_init":"true"}`: "",
		}},
		"image locked": {"delete", map[string]string{
			"start": "Cannot run VM: " + locked, "clone " + `{"vm":{"name":"n2"}}`: "Cannot clone VM: " + locked, "delete": "Cannot remove VM: " + locked,
			"export": "Cannot export VM: " + locked, "stop": "Cannot stop VM. VM is not running.",
			"shutdown": "Cannot shutdown VM. VM is not running.",
		}},
		"up": {"start, 1m", map[string]string{
			"start": "Cannot run VM. VM is running.", "delete": "Cannot remove VM. VM is running.",
			"clone " + `{"vm":{"name":"n2"}}`: "Cannot clone VM. VM is running.", "reordermacaddresses": "Cannot reorder MAC addresses of VM. VM is running.",
		}},
		"powering down": {"start, 1m, shutdown", map[string]string{
			"start":    "Cannot run VM because the VM is in Powering Down status.",
			"shutdown": "Cannot shutdown VM because the VM is in Powering Down status.",
			"reboot":   "Cannot reboot VM because the VM is in Powering Down status.", "delete": "Cannot remove VM. VM is running.",
		}},
		"suspended": {"start, 1m, suspend, 3s", map[string]string{
			"delete":   `Cannot remove VM that its state is not down.` + "\n" + `-Please stop the VM first.`,
			"shutdown": "Cannot shutdown VM because the VM is in Suspended status.", "migrate": "Cannot migrate VM because the VM is in Suspended status.",
		}},
		"saving state": {"start, 1m, suspend", map[string]string{"start": "Cannot run VM because the VM is in Saving State status."}},
		"migrating": {"start, 1m, migrate", map[string]string{
			"suspend": "Cannot suspend VM because the VM is in Migrating status.", "start": "Cannot run VM. VM is running.",
		}},
		"rebooting": {"start, 1m, reboot", map[string]string{"suspend": "Cannot suspend VM because the VM is in Reboot In Progress status."}},
	} {
		t.Run(state, func(t *testing.T) {
			c := newStepper(t)
			vm := c.vm("n1", "")
			if test.steps != "" {
				for _, step := range strings.Split(test.steps, ", ") {
					require.Equal(t, http.StatusOK, c.do(vm, step).status, step)
				}
			}
			for step, detail := range test.refused {
				a := c.do(vm, step)
				require.Equal(t, http.StatusConflict, a.status, "%s: %s", step, a.raw)
				if detail != "" {
					detail = "[" + detail + "]"
				}
				requireFault(t, a, step != "delete", detail)
			}
		})
	}
}

func TestMigrationChangesTheHost(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	require.Equal(t, "host1", c.s.VMs()[0].Host)
	host := func(name string) string { return c.search("hosts", "name="+name).text("host.0.id") }
	a := c.call(http.MethodPost, vm+"/migrate", `{"host":{"id":"`+host("host1")+`"}}`)
	requireFault(t, a, true, "[Cannot migrate VM. VM is already running on Host host1.]")
	c.must(http.StatusOK, http.MethodPost, vm+"/migrate", `{"host":{"name":"host3"}}`)
	require.Equal(t, "host1", c.s.VMs()[0].Host, "until the migration is done")
	c.pass(5 * time.Second)
	require.Equal(t, "host3", c.s.VMs()[0].Host)
	pinned := c.up("n2", `"placement_policy":{"affinity":"pinned","hosts":{"host":[{"name":"host2"}]}},`)
	requireFault(t, c.call(http.MethodPost, pinned+"/migrate", ""), true, "[Cannot migrate VM. VM is pinned to Host.]")
}

func TestChangesOfARunningVMWaitForItsNextRun(t *testing.T) {
	c := newStepper(t)
	vm := c.up("n1", "")
	a := c.must(http.StatusOK, http.MethodPut, vm, `{"memory":"8589934592","cpu":{"topology":{"cores":4}},"comment":"now",
		"high_availability":{"enabled":"true"},"initialization":{"host_name":"h"}}`)
	require.Equal(t, []any{"now", "true", "h", "4294967296", "2", "true"}, []any{
		a.at("comment"), a.at("high_availability.enabled"), a.at("initialization.host_name"), a.at("memory"), a.at("cpu.topology.cores"),
		a.at("next_run_configuration_exists"),
	})
	require.Equal(t, "8589934592", c.get(vm+"?next_run=true").text("memory"))
	c.must(http.StatusOK, http.MethodPut, vm, `{"os":{"type":"rhel_9x64"}}`)
	require.Equal(t, "8589934592", c.get(vm+";next_run").text("memory"), "changes add up")
	c.must(http.StatusOK, http.MethodPost, vm+"/shutdown", "")
	c.pass(3 * time.Second)
	a = c.get(vm)
	require.Equal(t, []any{"8589934592", "4", "rhel_9x64", "false"}, []any{
		a.at("memory"), a.at("cpu.topology.cores"), a.at("os.type"), a.at("next_run_configuration_exists"),
	})
}

func TestForceRemovesALockedVM(t *testing.T) {
	c := newStepper(t)
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms", vmBody(`,"name":"n1"`))
	c.must(http.StatusOK, http.MethodDelete, "/vms/"+a.text("id")+"?force", "")
	c.pass(time.Minute)
	require.Empty(t, c.s.VMs())
	require.Len(t, c.s.Disks(), 1, "only the template's disk is left")
	for _, job := range c.s.Jobs() {
		require.Equal(t, "finished", job.Status, job.Description)
	}
}

func TestDetachOnlyKeepsTheDisksOfAClone(t *testing.T) {
	c := newStepper(t)
	a := c.must(http.StatusAccepted, http.MethodPost, "/vms?clone=true", vmBody(`,"name":"n1"`))
	c.pass(10 * time.Second)
	c.must(http.StatusOK, http.MethodDelete, "/vms/"+a.text("id")+"?detach_only=true", "")
	c.pass(time.Second)
	require.Empty(t, c.s.VMs())
	require.Len(t, c.s.Disks(), 2)
	require.NotContains(t, c.s.Disks(), func(d olvmsim.Disk) bool { return d.Status != "ok" })
}

func TestFailedRunIsInTheAuditLog(t *testing.T) {
	c := newStepper(t)
	vm := c.vm("n1", "")
	require.NoError(t, c.s.Engine().SetGuestBehaviour("*", engine.GuestBehaviour{FailsToRun: true}))
	c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
	c.pass(time.Second)
	a := c.get("/events")
	require.Equal(t, []any{"54", "error", "Failed to run VM n1 on Host host1."},
		[]any{a.at("event.0.code"), a.at("event.0.severity"), a.at("event.0.description")})
	require.ErrorContains(t, c.s.Engine().SetGuestBehaviour("[", engine.GuestBehaviour{}), "pattern")
}

func TestCloneOfAVMHasItsOwnDisksAndNICs(t *testing.T) {
	c := newStepper(t)
	vm := c.vm("n1", `"comment":"mark",`)
	nic := c.must(http.StatusCreated, http.MethodPost, vm+"/nics", `{"name":"nic1"}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/clone", `{"vm":{"name":"n2"}}`)
	c.pass(10 * time.Second)
	a := c.search("vms", "name=n2")
	require.Equal(t, []any{"down", "mark", blankID}, []any{a.at("vm.0.status"), a.at("vm.0.comment"), a.at("vm.0.template.id")})
	clone := "/vms/" + a.text("vm.0.id")
	require.Equal(t, "nic1", c.get(clone+"/nics").text("nic.0.name"))
	require.NotEqual(t, nic.text("mac.address"), c.get(clone+"/nics").text("nic.0.mac.address"))
	require.Len(t, c.s.Disks(), 3)
	c.refused(http.StatusBadRequest, "Action [vm.name] required for doClone", http.MethodPost, vm+"/clone", "{}")
}

func TestSnapshotsOfAVM(t *testing.T) {
	c := newStepper(t)
	vm := c.vm("n1", "")
	a := c.get(vm + "/snapshots")
	require.Equal(t, []any{"active", "Active VM", "ok"}, []any{
		a.at("snapshot.0.snapshot_type"), a.at("snapshot.0.description"), a.at("snapshot.0.snapshot_status"),
	})
	taken := c.must(http.StatusAccepted, http.MethodPost, vm+"/snapshots", `{"description":"before","persist_memorystate":"false"}`)
	require.Equal(t, "locked", taken.text("snapshot_status"))
	c.pass(2 * time.Second)
	path := vm + "/snapshots/" + taken.text("id")
	require.Equal(t, "ok", c.get(path).text("snapshot_status"))

	c.must(http.StatusOK, http.MethodPut, vm, `{"memory":"8589934592"}`)
	c.must(http.StatusOK, http.MethodPost, vm+"/previewsnapshot", `{"snapshot":{"id":"`+taken.text("id")+`"}}`)
	c.pass(2 * time.Second)
	require.Equal(t, []any{"in_preview", "4294967296"}, []any{c.get(path).at("snapshot_status"), c.get(vm).at("memory")})
	c.refused(http.StatusConflict, "[Cannot remove Snapshot. VM is previewing a Snapshot.]", http.MethodDelete, path, "")
	c.must(http.StatusOK, http.MethodPost, vm+"/undosnapshot", "")
	c.pass(2 * time.Second)
	require.Equal(t, []any{"ok", "8589934592"}, []any{c.get(path).at("snapshot_status"), c.get(vm).at("memory")})
	c.must(http.StatusOK, http.MethodPost, path+"/restore", "")
	c.pass(2 * time.Second)
	require.Equal(t, "4294967296", c.get(vm).text("memory"))

	c.must(http.StatusOK, http.MethodDelete, path, "")
	require.Equal(t, "locked", c.get(path).text("snapshot_status"))
	c.refused(http.StatusConflict, "[Cannot create Snapshot for VM: VM is locked. Please try again in a few minutes.]",
		http.MethodPost, vm+"/snapshots", `{"description":"x"}`)
	c.pass(2 * time.Second)
	require.Equal(t, http.StatusNotFound, c.get(path).status)
	c.refused(http.StatusConflict, "[Cannot remove Snapshot. The active snapshot cannot be changed.]",
		http.MethodDelete, vm+"/snapshots/"+a.text("snapshot.0.id"), "")
}
