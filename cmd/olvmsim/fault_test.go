package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARefusalIsInjected(t *testing.T) {
	p := startProcess(t)
	vm := p.addVM("n1")
	for _, c := range []struct {
		args         []string
		method, path string
		body         string
		status       int
		text         string
	}{
		{[]string{"unauthorized"}, http.MethodGet, "vms", "", http.StatusUnauthorized, "The provided authorization grant for the auth code has expired."},
		{[]string{"forbidden"}, http.MethodGet, "vms", "", http.StatusForbidden, "[User is not authorized to perform this action.]"},
		{[]string{"locked"}, http.MethodPost, vm + "/start", "{}", http.StatusConflict, "Related operation is currently in progress."},
		{
			[]string{"locked", "--detail", "[Cannot run VM: VM is locked. Please try again in a few minutes.]"},
			http.MethodPost, vm + "/start", "{}", http.StatusConflict, "Cannot run VM: VM is locked.",
		},
		{[]string{"internal-error"}, http.MethodDelete, vm, "", http.StatusInternalServerError, "[Internal Engine Error]"},
		{[]string{"unavailable"}, http.MethodGet, "vms", "", http.StatusServiceUnavailable, "Service Unavailable"},
		{[]string{"quota-exceeded"}, http.MethodPost, "vms", vmBody("n2"), http.StatusConflict, "quota"},
		{[]string{"affinity-unmet"}, http.MethodPost, vm + "/start", "{}", http.StatusConflict, "current scheduling constraints"},
	} {
		id := p.fault(append(c.args, "--count", "1")...)
		status, text := p.try(c.method, c.path, c.body)
		require.Equal(t, c.status, status, c.args)
		require.Contains(t, text, c.text)
		require.Contains(t, p.ran("fault", "list"), id)
		p.ran("fault", "clear", id)
	}
	require.Equal(t, "down", p.vmStatus(vm), "nothing was carried out")
	require.Equal(t, []string{"n1"}, p.vmNames())
	_, err := p.command("fault", "clear", "f1")
	require.ErrorContains(t, err, `clear faults: not found: fault "f1"`)
}

func TestAFaultHitsTheNthMatchingCall(t *testing.T) {
	p := startProcess(t)
	p.fault("locked", "--method", "POST", "--path", "vms", "--match-vm", "worker-*", "--after", "1", "--count", "1")
	p.must(http.StatusAccepted, http.MethodPost, "vms", vmBody("worker-1"))
	p.must(http.StatusAccepted, http.MethodPost, "vms", vmBody("other"))
	p.must(http.StatusConflict, http.MethodPost, "vms", vmBody("worker-2"))
	p.must(http.StatusAccepted, http.MethodPost, "vms", vmBody("worker-2"))
	require.Regexp(t, `f1 +locked +POST vms +3 +1`, p.ran("fault", "list"))
}

func TestTheSeedDecidesWhichCallsAreHit(t *testing.T) {
	pattern := func() (hits []int) {
		p := startProcess(t)
		p.fault("unavailable", "--probability", "0.5")
		for range 16 {
			status, _ := p.try(http.MethodGet, "vms", "")
			hits = append(hits, status)
		}
		return hits
	}
	first := pattern()
	require.Contains(t, first, http.StatusOK)
	require.Contains(t, first, http.StatusServiceUnavailable)
	require.Equal(t, first, pattern())
}

func TestADroppedConnectionLeavesTheCallDoneOrNot(t *testing.T) {
	p := startProcess(t)
	lose := func(name string, args ...string) {
		p.fault(append(args, "--method", "POST", "--path", "vms", "--count", "1")...)
		status, _ := p.try(http.MethodPost, "vms", vmBody(name))
		require.Zero(t, status, "there is no answer")
	}
	lose("before", "drop-before-commit")
	require.Empty(t, p.vmNames())
	lose("after", "drop-after-commit")
	require.Equal(t, []string{"after"}, p.vmNames())
	lose("delayed", "drop-delayed-commit", "--delay", "30s")
	p.advance("29s")
	require.Equal(t, []string{"after"}, p.vmNames())
	p.advance("1s")
	require.Equal(t, []string{"after", "delayed"}, p.vmNames())
	p.must(http.StatusConflict, http.MethodPost, "vms", vmBody("delayed"))
}

func TestALateAnswerComesWhenItsCallerHasGone(t *testing.T) {
	p := startProcess(t)
	p.fault("latency", "--delay", "1h", "--method", "POST", "--path", "vms")
	p.http.Timeout = time.Second
	status, text := p.try(http.MethodPost, "vms", vmBody("n1"))
	require.Zero(t, status)
	require.Contains(t, text, "Timeout")
	p.http.Timeout = time.Minute
	require.Eventually(t, func() bool { return len(p.vmNames()) == 1 }, time.Minute, 10*time.Millisecond, "the engine carries it out all the same")
}

func TestListsAreStaleOrPartial(t *testing.T) {
	p := startProcess(t)
	p.addVM("n1")
	stale := p.fault("stale-list", "--path", "vms")
	p.addVM("n2")
	require.Equal(t, []string{"n1"}, p.vmNames())
	p.ran("fault", "clear", stale)
	require.Equal(t, []string{"n1", "n2"}, p.vmNames())
	partial := p.fault("partial-list", "--path", "vms", "--share", "1")
	require.Empty(t, p.vmNames())
	p.ran("fault", "clear", partial)
	for _, name := range []string{"n3", "n4", "n5", "n6", "n7", "n8"} {
		p.addVM(name)
	}
	p.fault("partial-list", "--path", "vms")
	require.NotContains(t, []int{0, 8}, len(p.vmNames()), "some are missing")
}

func TestVMsBootSlowlyOrNever(t *testing.T) {
	p := startProcess(t)
	slow := p.addVM("slow")
	never := p.addVM("never")
	p.fault("slow-boot", "--factor", "11", "--vm", "slow")
	stuck := p.fault("never-up", "--vm", "never")
	p.startVM(slow)
	p.startVM(never)
	p.advance("10m")
	require.Equal(t, "powering_up", p.vmStatus(slow))
	p.advance("1m")
	require.Equal(t, "up", p.vmStatus(slow))
	p.advance("20m")
	require.Equal(t, "powering_up", p.vmStatus(never))
	p.ran("fault", "clear", stuck)
	p.must(http.StatusOK, http.MethodPost, never+"/stop", "{}")
	p.advance("1m")
	p.startVM(never)
	p.advance("2m")
	require.Equal(t, "up", p.vmStatus(never))
}

func TestAGuestHangs(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, "--guests", "instant", "--state-dir", dir)
	vm := p.addVM("n1")
	p.fault("guest-hangs")
	p.startVM(vm)
	p.advance("2m")
	require.Eventually(t, func() bool {
		logs, _ := filepath.Glob(filepath.Join(dir, "console", "n1-*.log"))
		if len(logs) != 1 {
			return false
		}
		log, err := os.ReadFile(logs[0])
		return err == nil && string(log) == "olvmsim: the guest hangs\n"
	}, time.Minute, 10*time.Millisecond)
}

func TestADiskStaysLocked(t *testing.T) {
	p := startProcess(t)
	id := p.fault("disk-locked", "--disk", "n1_*")
	vm := p.addVM("n1")
	p.advance("20m")
	status, text := p.try(http.MethodPost, vm+"/start", "{}")
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "locked")
	p.ran("fault", "clear", id)
	p.startVM(vm)
}

func (p *process) addTransfer() string {
	p.t.Helper()
	disk := p.must(http.StatusAccepted, http.MethodPost, "disks",
		`{"name":"d1","format":"raw","provisioned_size":"1048576","storage_domains":{"storage_domain":[{"name":"data"}]}}`)
	p.advance("1m")
	transfer := p.must(http.StatusCreated, http.MethodPost, "imagetransfers",
		`{"disk":{"id":"`+disk["id"].(string)+`"},"format":"raw","inactivity_timeout":"0"}`)
	return "imagetransfers/" + transfer["id"].(string)
}

func TestTheSystemPausesATransfer(t *testing.T) {
	p := startProcess(t)
	_, err := p.command("fault", "add", "transfer-paused")
	require.ErrorContains(t, err, "no image transfer is under way")
	transfer := p.addTransfer()
	p.fault("transfer-paused", "--disk", "d*")
	require.Equal(t, "paused_system", p.must(http.StatusOK, http.MethodGet, transfer, "")["phase"])
	p.must(http.StatusOK, http.MethodPost, transfer+"/resume", "{}")
	p.advance("10s")
	require.Equal(t, "transferring", p.must(http.StatusOK, http.MethodGet, transfer, "")["phase"])
}

func TestTheEngineRestarts(t *testing.T) {
	p := startProcess(t)
	p.fault("engine-restart")
	p.must(http.StatusUnauthorized, http.MethodGet, "vms", "")
	p.signOn()
	p.must(http.StatusOK, http.MethodGet, "vms", "")

	p.fault("engine-restart", "--delay", "1m")
	p.must(http.StatusServiceUnavailable, http.MethodGet, "vms", "")
	p.advance("1m")
	p.must(http.StatusUnauthorized, http.MethodGet, "vms", "")

	p.fault("engine-restart", "--delay", "1m", "--refuse")
	p.must(0, http.MethodGet, "vms", "")
	p.advance("1m")
	p.signOn()
	p.must(http.StatusOK, http.MethodGet, "vms", "")
}

func TestAHostGoesDown(t *testing.T) {
	p := startProcess(t)
	killed, moved := p.addVM("killed"), p.addVM("moved")
	p.startVM(killed)
	p.startVM(moved)
	p.advance("2m")
	require.Contains(t, p.ran("inventory"), "host1")
	p.fault("host-down", "--host", "host1")
	require.Equal(t, "down", p.vmStatus(killed))
	p.fault("host-down", "--host", "host2", "--migrate")
	p.advance("1m")
	require.Equal(t, "up", p.vmStatus(moved))
	require.Regexp(t, `moved +up +host3`, p.ran("inventory"))
	_, err := p.command("fault", "add", "host-down", "--host", "nothing")
	require.ErrorContains(t, err, `not found: host "nothing"`)
}

func TestAStorageDomainFillsUp(t *testing.T) {
	p := startProcess(t)
	id := p.fault("storage-full", "--storage-domain", "data")
	status, text := p.try(http.MethodPost, "vms", vmBody("n1"))
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, text, "Low disk space on Storage Domain data.")
	p.ran("fault", "clear", id)
	p.addVM("n1")
}

func TestSomebodyElseChangesVMs(t *testing.T) {
	p := startProcess(t)
	off, gone, renamed := p.addVM("off"), p.addVM("gone"), p.addVM("old")
	p.startVM(off)
	p.advance("2m")
	p.fault("vm-powered-off", "--vm", "off")
	require.Equal(t, "down", p.vmStatus(off))
	// Right before a call about it: the VM of the call is meant.
	p.fault("vm-removed", "--method", "POST", "--path", "vms/*/start", "--match-vm", "gone", "--count", "1")
	p.must(http.StatusNotFound, http.MethodPost, gone+"/start", "{}")
	p.fault("vm-renamed", "--vm", "old", "--new-name", "new")
	require.Equal(t, "new", p.must(http.StatusOK, http.MethodGet, renamed, "")["name"])
	require.Equal(t, []string{"new", "off"}, p.vmNames())
	require.Equal(t, "everything is in order", p.ran("check"))
}

func TestAFaultThatMakesNoSenseIsRefused(t *testing.T) {
	p := startProcess(t)
	for want, args := range map[string][]string{
		`effect kind "broken" is not known`:  {"broken"},
		"latency needs a delay":              {"latency"},
		"host-down needs a host":             {"host-down"},
		"storage-full needs a storageDomain": {"storage-full"},
		"vm-renamed needs a newName":         {"vm-renamed", "--vm", "a"},
		"vm-removed needs a vm":              {"vm-removed"},
		"must be between 0 and 1":            {"locked", "--probability", "2"},
		"must not be negative":               {"locked", "--after", "-1"},
		"syntax error in pattern":            {"locked", "--path", "["},
		"is not a size":                      {"storage-full", "--available", "much"},
		`not found: VM "nothing"`:            {"vm-removed", "--vm", "nothing"},
		`storage domain "nothing"`:           {"storage-full", "--storage-domain", "nothing"},
	} {
		_, err := p.command(append([]string{"fault", "add"}, args...)...)
		require.ErrorContains(t, err, want)
	}
	_, err := p.command("fault", "clear")
	require.ErrorContains(t, err, "give ids or --all")
	require.NotContains(t, p.ran("fault", "list"), "f", "nothing was added")
}
