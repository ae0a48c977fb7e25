package info

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

func TestArguments(t *testing.T) {
	name := "demo"
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":                           {nil, &Options{}},
		"by name":                        {[]string{"-C", "demo", "-k", "k"}, &Options{Existing: cli.Existing{Kubeconfig: "k", Name: &name}}},
		"for programs":                   {[]string{"-c", "c", "-o", "json"}, &Options{Existing: cli.Existing{ConfigFile: "c"}, Output: output.JSON}},
		"as it changes":                  {[]string{"--watch"}, &Options{Watch: true}},
		"as it changes, with ids":        {[]string{"-w", "-o", "wide"}, &Options{Watch: true, Output: output.Wide}},
		"flags of the existing ocne":     {[]string{"-N", "a,b", "-s"}, &Options{}},
		"as it changes, for programs":    {[]string{"-w", "-o", "yaml"}, nil},
		"a format that is not known":     {[]string{"-o", "xml"}, nil},
		"a name without a flag":          {[]string{"demo"}, nil},
		"a field, which is that of show": {[]string{"--field", "phase"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func created() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func machineOf(group, role, name, address string) cluster.MachineDetails {
	return cluster.MachineDetails{
		Name: name, Role: role, Group: group, Phase: "Running", Version: "v1.33.10", Node: name, NodeStatus: "Ready", Created: created(),
		VM:         cluster.VMDetails{ID: "5d3c0001-0000-4000-8000-000000000001", Name: name, Status: "up", Host: "host1"},
		ProviderID: "olvm://5d3c0001-0000-4000-8000-000000000001", Addresses: []string{address},
	}
}

func healthy() *cluster.Details {
	return &cluster.Details{
		Listed: cluster.Listed{
			Name: "demo", Namespace: "ocne", Provider: "olvm", Phase: "Provisioned", Version: "v1.33.10", Endpoint: "https://192.0.2.160:6443",
			ControlPlane: cluster.Replicas{Ready: 1, Desired: 1}, Workers: cluster.Replicas{Ready: 2, Desired: 2}, Created: created(),
		},
		Ready:             true,
		ManagementCluster: "https://127.0.0.1:40123, embedded in /home/me/.ocne/management",
		Kubeconfig:        "/home/me/.kube/kubeconfig.demo",
		Engine: cluster.Engine{
			URL: "https://engine.example.com/ovirt-engine", Release: "4.5.5", DataCenter: "Default", Reachable: true, Message: "it answers",
		},
		Groups: []cluster.GroupDetails{
			{Name: "demo-control-plane", Role: cluster.ControlPlaneRole, Version: "v1.33.10", Machines: cluster.Replicas{Ready: 1, Desired: 1}},
			{Name: "demo-md-0", Role: cluster.WorkerRole, Version: "v1.33.10", Machines: cluster.Replicas{Ready: 2, Desired: 2}},
		},
		Machines: []cluster.MachineDetails{
			machineOf("demo-control-plane", cluster.ControlPlaneRole, "demo-control-plane-6kklq", "192.0.2.161"),
			machineOf("demo-md-0", cluster.WorkerRole, "demo-md-0-x7k2p-8s6bn", "192.0.2.162"),
			machineOf("demo-md-0", cluster.WorkerRole, "demo-md-0-x7k2p-z", "192.0.2.163"),
		},
		AddressPools: []cluster.AddressPool{{
			Groups: []string{"control plane", "workers demo-md-0"}, Network: "ovirtmgmt", Ranges: []string{"192.0.2.161-192.0.2.170"},
			Used: 3, UsedByOthers: 2, Total: 10,
			UsedBy: []cluster.AddressPoolUse{{Cluster: "ocne/demo", Addresses: 3}, {Cluster: "other/prod", Addresses: 2}},
		}},
	}
}

// waiting has a worker for which no address is free.
func waiting() *cluster.Details {
	d := healthy()
	d.Ready, d.Workers.Ready, d.Groups[1].Machines.Ready = false, 1, 1
	d.AddressPools[0].UsedByOthers, d.AddressPools[0].UsedBy[1].Addresses = 7, 7
	d.Machines[2] = cluster.MachineDetails{
		Name: "demo-md-0-x7k2p-z", Role: cluster.WorkerRole, Group: "demo-md-0", Phase: "Provisioning", Version: "v1.33.10", Created: created(),
	}
	d.Conditions = []cluster.ConditionDetails{
		{Subject: "workers demo-md-0", Type: "Available", Status: "False", Reason: "NotAvailable", Message: "1 available replicas, at least 2 required"},
		{
			Subject: "machine demo-md-0-x7k2p-z", Type: "VMReady", Status: "False", Reason: "PoolExhausted", Since: created(),
			Message: "cannot choose an address: every address of the pool 192.0.2.161-192.0.2.170 on network ovirtmgmt is taken:\n8 by other clusters",
		},
	}
	d.NextSteps = []cluster.NextStep{{
		Subjects: []string{"machine demo-md-0-x7k2p-z"},
		Advice: "Remove machines that hold addresses of the pool, or make this cluster smaller. For a larger pool,\n" +
			"delete the cluster and start it again with a corrected configuration.",
	}}
	return d
}

// silent has an engine that has stopped answering while the cluster goes on.
func silent() *cluster.Details {
	d := healthy()
	d.Ready, d.Kubeconfig = false, ""
	words := `read the engine's version: Get "https://engine.example.com/ovirt-engine/api": dial tcp 192.0.2.9:443: connect: connection refused`
	d.Engine.Reachable, d.Engine.Message = false, words
	d.Conditions = []cluster.ConditionDetails{
		{Subject: "infrastructure", Type: "EngineReachable", Status: "False", Reason: "EngineUnavailable", Message: words},
		{Subject: "API https://192.0.2.160:6443", Type: "Reachable", Status: "False", Reason: "APIUnreachable", Message: "timeout"},
	}
	d.NextSteps = []cluster.NextStep{
		{Subjects: []string{"infrastructure"}, Advice: "Check that the engine runs, and that the management cluster reaches it."},
		{Subjects: []string{"API https://192.0.2.160:6443"}, Advice: "Check the route.\n  traceroute 192.0.2.160"},
	}
	return d
}

func render(d *cluster.Details, wide bool, width int) string {
	return strings.Join(newTree(d, wide).lines(width, created().Add(90*time.Minute)), "\n") + "\n"
}

func TestTheTree(t *testing.T) {
	for name, text := range map[string]string{
		"healthy":      render(healthy(), false, 100),
		"healthy-wide": render(healthy(), true, 100),
		"waiting":      render(waiting(), false, 100),
		"waiting-wide": render(waiting(), true, 100),
		"unreachable":  render(silent(), false, 100),
		"narrow":       render(waiting(), false, 60),
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name+".txt")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), text)
		})
	}
}

func TestWordsAreWrappedAndNeverCut(t *testing.T) {
	d := silent()
	long := strings.Repeat("The engine said a word and then another one. ", 20)
	d.Conditions[0].Message = long
	for _, width := range []int{60, 72, 100} {
		text := render(d, true, width)
		var words []string
		for line := range strings.SplitSeq(text, "\n") {
			content := strings.TrimLeft(line, "│├└─ !>")
			words = append(words, strings.Fields(content)...)
			if strings.Contains(content, " ") && !strings.Contains(line, "traceroute") {
				require.LessOrEqual(t, utf8.RuneCountInString(line), width, line)
			}
		}
		require.Contains(t, strings.Join(words, " "), strings.TrimSpace(long))
	}
}

func TestAWordThatIsWiderThanTheLineStaysWhole(t *testing.T) {
	require.Equal(t, []string{"a", "0123456789012345", "b"}, wrap("a 0123456789012345 b", 8))
	require.Equal(t, []string{"one", "", "two"}, wrap("one\n\ntwo\n", 8))
	require.Equal(t, []string{"Name   Running"}, wrap("Name   Running", 14))
	require.Equal(t, []string{"red[31m"}, wrap("red\x1b[31m\a", 14), "nothing moves a terminal's cursor")
}

func TestAdviceThatMachinesShareIsGivenOnce(t *testing.T) {
	d := waiting()
	d.Conditions = append(d.Conditions, cluster.ConditionDetails{
		Subject: "machine demo-md-0-x7k2p-8s6bn", Type: "VMReady", Status: "False", Reason: "PoolExhausted",
	})
	d.NextSteps[0].Subjects = append(d.NextSteps[0].Subjects, "machine demo-md-0-x7k2p-8s6bn")
	text := render(d, false, 100)
	require.Equal(t, 1, strings.Count(text, "Remove machines that hold addresses"))
	require.Contains(t, text, "> What to do: as for machine demo-md-0-x7k2p-8s6bn.")
}

func TestWhatHasNoPlaceInTheTreeIsToldAtItsTop(t *testing.T) {
	d := healthy()
	d.Ready = false
	d.Conditions = []cluster.ConditionDetails{{Subject: "VM of demo-old", Type: "VMReady", Status: "False", Reason: "Deleting", Message: "stopping"}}
	text := render(d, false, 100)
	require.Contains(t, text, "! VM of demo-old: VMReady is False, Deleting: stopping\n")
	require.Contains(t, text, "Nothing of this needs you yet: it is under way.")
}

func watching(terminal bool) (*watcher, *bytes.Buffer) {
	streams, out, _ := iostreams.Buffers()
	streams.OutIsTerminal = terminal
	streams.Size = func() (int, int) { return 101, 60 }
	env := &cli.Environment{Streams: streams, Now: func() time.Time { return created().Add(90 * time.Minute) }}
	return (&Options{Environment: env}).watcher(), out
}

func TestAPipeGetsTheTreeAndThenChangesOnly(t *testing.T) {
	w, out := watching(false)
	w.look(healthy(), nil)
	require.Equal(t, render(healthy(), false, 100), out.String())
	out.Reset()
	w.look(healthy(), nil)
	require.Empty(t, out.String(), "nothing has changed")

	d := healthy()
	d.Machines[1].VM.Status, d.Machines[1].VM.Host = "down", ""
	d.Conditions = []cluster.ConditionDetails{{
		Subject: "machine demo-md-0-x7k2p-8s6bn", Type: "VMReady", Status: "False", Reason: "NotRunning", Message: "the VM is down;\nstart it",
	}}
	d.NextSteps = []cluster.NextStep{{Subjects: []string{"machine demo-md-0-x7k2p-8s6bn"}, Advice: "Start it."}}
	w.look(d, nil)
	require.Equal(t, "[    0s] machine demo-md-0-x7k2p-8s6bn: demo-md-0-x7k2p-8s6bn Running v1.33.10 node Ready; VM down, 192.0.2.162; "+
		"! VMReady is False, NotRunning: the VM is down; start it; > Start it.\n", out.String())

	out.Reset()
	d.Machines = d.Machines[:2]
	w.look(nil, errors.New("management cluster does not answer"))
	w.look(nil, errors.New("management cluster does not answer"))
	w.look(d, nil)
	require.NoError(t, w.end(nil))
	require.Equal(t, "[    0s] not up to date: management cluster does not answer\n[    0s] machine demo-md-0-x7k2p-z: gone\n"+
		"[    0s] the cluster is gone\n", out.String())
	require.ErrorIs(t, w.end(context.Canceled), context.Canceled)
}

func TestATerminalShowsTheTreeOnce(t *testing.T) {
	w, out := watching(true)
	w.look(healthy(), nil)
	first := out.String()
	require.Equal(t, render(healthy(), false, 100), first)
	lines := strings.Count(first, "\n")
	out.Reset()
	w.look(waiting(), nil)
	require.True(t, strings.HasPrefix(out.String(), strings.Repeat("\x1b[A", lines)+"\r\x1b[J"), "the tree before is replaced")
	require.Contains(t, out.String(), "PoolExhausted")
	out.Reset()
	w.look(nil, errors.New("does not answer"))
	require.Contains(t, out.String(), "Not up to date: does not answer\n")
	require.Contains(t, out.String(), "PoolExhausted", "what was seen last stays")
}

func TestTheTreeTellsHowMachinesAreSpread(t *testing.T) {
	d := healthy()
	require.NotContains(t, render(d, false, 100), "failure domain", "where there are none, nothing is said of them")
	d.Groups[0].FailureDomains = []cluster.DomainDetails{{Name: "room-1", Machines: 1}, {Name: "room-2"}}
	d.Machines[0].FailureDomain = "room-1"
	text := render(d, false, 100)
	require.Contains(t, text, "machines in each failure domain: room-1 1, room-2 0\n")
	require.Contains(t, text, "VM up on host host1, failure domain room-1, 192.0.2.161\n")
}
