package olvmsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// recorder is Guests that write down what the simulator asks of them.
type recorder struct {
	mu     sync.Mutex
	calls  []string
	booted []olvmsim.GuestVM
	// fail is what Start returns.
	fail error
	// block makes Start wait for the end of its context.
	block bool
}

func (r *recorder) Start(ctx context.Context, vm olvmsim.GuestVM) error {
	r.note("start " + vm.Name)
	r.mu.Lock()
	r.booted = append(r.booted, vm)
	r.mu.Unlock()
	_, _ = fmt.Fprintf(vm.Console, "hello from %s\n", vm.Name)
	if r.block {
		<-ctx.Done()
		r.note("interrupted " + vm.Name)
		return ctx.Err()
	}
	return r.fail
}

func (r *recorder) Stop(string)               { r.note("stop") }
func (r *recorder) Remove(string)             { r.note("remove") }
func (r *recorder) Close()                    { r.note("close") }
func (r *recorder) Addresses(string) []string { return []string{"192.0.2.7"} }

func (r *recorder) note(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func (r *recorder) waitFor(t *testing.T, calls ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Equal(calls, r.seen()) }, patience, time.Millisecond, "want %v", calls)
}

// boot waits for the n-th boot and returns it.
func (r *recorder) boot(t *testing.T, n int) olvmsim.GuestVM {
	t.Helper()
	var vm olvmsim.GuestVM
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.booted) < n {
			return false
		}
		vm = r.booted[n-1]
		return true
	}, patience, time.Millisecond)
	return vm
}

func TestGuestRunsWhileTheVMRuns(t *testing.T) {
	guests := &recorder{}
	s := olvmsim.New(t, olvmsim.Options{Guests: guests})
	c := newClient(t, s)
	vm := c.addVM("n1", `"initialization":{"custom_script":"{\"ignition\":{\"version\":\"3.4.0\"}}"},`)
	require.Empty(t, guests.seen())
	c.start(vm)
	booted := guests.boot(t, 1)
	require.Equal(t, "v1.33.10", booted.KubernetesVersion, "from the inventory's template")
	require.Equal(t, "rhcos_x64", booted.OSType)
	require.Equal(t, s.VMs()[0].ID, booted.ID)
	require.Equal(t, []string{"192.0.2.7"}, s.VMs()[0].Addresses)
	c.stop(vm)
	guests.waitFor(t, "start n1", "stop")
	c.must(http.StatusOK, http.MethodDelete, vm, "")
	guests.waitFor(t, "start n1", "stop", "remove")
	s.Stop()
	s.Stop()
	guests.waitFor(t, "start n1", "stop", "remove", "close")
}

func TestStopTakesThePowerFromAll(t *testing.T) {
	guests := &recorder{block: true}
	s := olvmsim.New(t, olvmsim.Options{Guests: guests})
	c := newClient(t, s)
	c.start(c.addVM("n1", ""))
	guests.waitFor(t, "start n1")
	s.Stop()
	require.Equal(t, []string{"start n1", "interrupted n1", "stop", "close"}, guests.seen())
}

func TestFailedStartOfTheSimulatorClosesTheGuests(t *testing.T) {
	guests := &recorder{}
	_, err := olvmsim.Start(t.Context(), olvmsim.Options{Guests: guests, StateDir: t.TempDir(), InventoryFile: "/does/not/exist"})
	require.ErrorContains(t, err, "read inventory")
	require.Equal(t, []string{"close"}, guests.seen())
}

func TestConsoleLogTellsWhyAGuestDidNotBoot(t *testing.T) {
	s := olvmsim.New(t, olvmsim.Options{Guests: &recorder{fail: errors.New("no document")}})
	c := newClient(t, s)
	vm := c.addVM("n1", "")
	c.start(vm)
	c.waitStatus(vm, "up") // as a real VM whose guest hangs
	log := filepath.Join(s.StateDir(), "console", "n1-"+s.VMs()[0].ID+".log")
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(log)
		return err == nil && string(text) == "hello from n1\nolvmsim: n1 did not boot: no document\n"
	}, patience, time.Millisecond)
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

// The rules by which the engine makes user data out of a script: the OS type decides, and Ignition documents are edited.
func TestUserDataOfTheFirstRun(t *testing.T) {
	const (
		document = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a"}]}}`
		hostFile = `{"contents":{"source":"data:,h"},"filesystem":"root","mode":420,"path":"/etc/hostname"}`
		hosted   = `{"ignition":{"version":"3.4.0"},"storage":{"files":[` + hostFile + `]}}`
		noFiles  = `{"ignition":{"version":"3.4.0"},"storage":{"disks":[1]}}`
		named    = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/hostname"}]}}`
	)
	for name, test := range map[string]struct{ osType, init, start, want string }{
		"Ignition is verbatim":           {"rhcos_x64", script(document), `{}`, document},
		"not JSON is verbatim too":       {"rhcos_x64", script("#cloud-config\n"), `{}`, "#cloud-config\n"},
		"missing version is filled in":   {"rhcos_x64", script(`{"ignition":{}}`), `{}`, `{"ignition":{"version":"2.3.0"}}`},
		"empty script":                   {"rhcos_x64", script(``), `{}`, `{"ignition":{"version":"2.3.0"}}`},
		"no initialization":              {"rhcos_x64", ``, `{}`, ``},
		"use_cloud_init does not fit":    {"rhcos_x64", script(document), `{"use_cloud_init":true}`, ``},
		"use_ignition fits":              {"rhcos_x64", script(document), `{"use_ignition":"true"}`, document},
		"use_ignition does not fit":      {"rhel_9x64", script(document), `{"use_ignition":true}`, ``},
		"use_cloud_init false":           {"rhel_9x64", script(document), `{"use_cloud_init":false}`, ``},
		"run-once script":                {"rhcos_x64", ``, `{"vm":{` + script(document) + `}}`, document},
		"host name is added to files":    {"rhcos_x64", script(`{"ignition":{"version":"3.4.0"},"storage":{"files":[]}}`, `"host_name":"h"`), `{}`, hosted},
		"host name that is there stays":  {"rhcos_x64", script(named, `"host_name":"h"`), `{}`, named},
		"storage without files is lost":  {"rhcos_x64", script(noFiles, `"host_name":"h"`), `{}`, hosted},
		"windows gets neither (sysprep)": {"windows_2022", script(document), `{}`, ``},
		"user is added with a password": {"rhcos_x64", script(`{}`, `"user_name":"u"`, `"root_password":"p"`), `{}`,
			`{"ignition":{"version":"2.3.0"},"passwd":{"users":[{"name":"u","passwordHash":"p"}]}}`},
	} {
		t.Run(name, func(t *testing.T) {
			guests := &recorder{}
			c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
			more := `"os":{"type":"` + test.osType + `"},`
			if test.init != "" {
				more += test.init + ","
			}
			vm := c.addVM("n1", more)
			c.must(http.StatusOK, http.MethodPost, vm+"/start", test.start)
			booted := guests.boot(t, 1)
			require.Equal(t, test.want, string(booted.UserData))
			require.Equal(t, test.want == "", booted.UserData == nil, "without user data there is no config drive")
		})
	}
}

// script is an initialization with a custom script and further properties.
func script(text string, more ...string) string {
	quoted, _ := json.Marshal(text) // a string can always be marshalled
	return `"initialization":{` + strings.Join(append(more, `"custom_script":`+string(quoted)), ",") + `}`
}

// A whole VM that is read and put back shows its password as asterisks, which are no password.
func TestHiddenPasswordIsNotTakenForOne(t *testing.T) {
	guests := &recorder{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	vm := c.addVM("n1", `"initialization":{"user_name":"u","root_password":"secret","custom_script":"{}"},`)
	c.must(http.StatusOK, http.MethodPut, vm, c.get(vm).raw)
	c.start(vm)
	require.Contains(t, string(guests.boot(t, 1).UserData), `"passwordHash":"secret"`)
}

func TestScriptIsTextInACloudConfigOnOtherLinux(t *testing.T) {
	guests := &recorder{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	c.start(c.addVM("n1", `"os":{"type":"other"},"initialization":{"timezone":"UTC","custom_script":"{\"ignition\":{}}"},`))
	require.Regexp(t, `(?s)^#cloud-config\n.*timezone: UTC\n\{"ignition":\{\}\}$`, string(guests.boot(t, 1).UserData))
}

// The rest of the config drive: who the guest is, and its network, in the forms that cloud-init reads.
func TestConfigDriveOfTheFirstRun(t *testing.T) {
	guests := &recorder{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	c.start(c.addVM("n1", `"os":{"type":"other_linux"},"initialization":{"host_name":"n1","custom_script":"a: b","dns_servers":"192.0.2.53 192.0.2.54",
		"dns_search":"example.com","cloud_init_network_protocol":"openstack_metadata","nic_configurations":{"nic_configuration":[{"name":"enp1s0",
		"on_boot":"true","boot_protocol":"static","ip":{"address":"192.0.2.10","netmask":"255.255.255.0","gateway":"192.0.2.1","version":"v4"},
		"ipv6_boot_protocol":"autoconf"}]}},`))
	booted := guests.boot(t, 1)
	require.Contains(t, string(booted.MetaData), `"hostname":"n1"`)
	require.JSONEq(t, `{"links":[{"id":"enp1s0","name":"enp1s0","type":"vif"}],"networks":[
		{"id":"enp1s0","link":"enp1s0","type":"ipv4","ip_address":"192.0.2.10","netmask":"255.255.255.0","gateway":"192.0.2.1",
		 "dns_nameservers":["192.0.2.53","192.0.2.54"],"dns_search":["example.com"]},
		{"id":"enp1s0","link":"enp1s0","type":"ipv6_slaac","dns_nameservers":["192.0.2.53","192.0.2.54"],"dns_search":["example.com"]}]}`,
		string(booted.NetworkData))
}

func TestUserWithoutPasswordFailsInTheEngine(t *testing.T) {
	c := newClient(t, olvmsim.New(t))
	vm := c.addVM("n1", `"initialization":{"user_name":"u","custom_script":"{}"},`)
	a := c.must(http.StatusBadRequest, http.MethodPost, vm+"/start", "")
	require.Equal(t, "[Internal Engine Error]", a.text("fault.detail"))
}

func TestInitializationIsUsedOnceUnlessAskedFor(t *testing.T) {
	const document = `{"ignition":{"version":"3.4.0"}}`
	guests := &recorder{}
	c := newClient(t, olvmsim.New(t, olvmsim.Options{Guests: guests}))
	vm := c.addVM("n1", script(document)+",")
	for i, run := range []struct{ start, want string }{{``, document}, {`{}`, ``}, {`{"use_initialization":"true"}`, document}} {
		c.must(http.StatusOK, http.MethodPost, vm+"/start", run.start)
		require.Equal(t, run.want, string(guests.boot(t, i+1).UserData))
		c.stop(vm)
	}
}

func TestALaunchThatFailsUsesTheInitializationUp(t *testing.T) {
	const document = `{"ignition":{"version":"3.4.0"}}`
	for name, test := range map[string]struct{ again, want string }{
		"a start of itself has none":   {`{}`, ``},
		"a start that asks for it has": {`{"use_initialization":"true"}`, document},
	} {
		t.Run(name, func(t *testing.T) {
			guests := &recorder{}
			sim := olvmsim.New(t, olvmsim.Options{Guests: guests})
			c := newClient(t, sim)
			vm := c.addVM("n1", script(document)+",")
			fault, err := sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.LaunchFails, VM: "n1"}})
			require.NoError(t, err)
			c.must(http.StatusOK, http.MethodPost, vm+"/start", "")
			require.Eventually(t, func() bool { return c.get(vm).text("status") == "down" }, patience, 5*time.Millisecond)
			require.NoError(t, sim.Clear(fault))
			c.must(http.StatusOK, http.MethodPost, vm+"/start", test.again)
			require.Equal(t, test.want, string(guests.boot(t, 1).UserData))
		})
	}
}
