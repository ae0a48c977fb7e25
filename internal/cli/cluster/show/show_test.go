package show

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

func TestArguments(t *testing.T) {
	name := "demo"
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":    {nil, &Options{}},
		"by name": {[]string{"-C", "demo", "-k", "k"}, &Options{Existing: cli.Existing{Kubeconfig: "k", Name: &name}}},
		"by configuration, for programs": {
			[]string{"-c", "c", "-o", "json"}, &Options{Existing: cli.Existing{ConfigFile: "c"}, Output: output.JSON},
		},
		"one value":               {[]string{"-f", "phase"}, &Options{Field: "phase"}},
		"everything":              {[]string{"-a"}, &Options{Output: output.YAML}},
		"everything and a format": {[]string{"-a", "-o", "json"}, nil},
		"a value and a format":    {[]string{"-f", "phase", "-o", "json"}, nil},
		"everything and a value":  {[]string{"-a", "-f", "phase"}, nil},
		"with ids and ages":       {[]string{"-o", "wide"}, &Options{Output: output.Wide}},
		"a format for nobody":     {[]string{"-o", "xml"}, nil},
		"a name without a flag":   {[]string{"demo"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func created() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func demo() *cluster.Details {
	return &cluster.Details{
		Listed: cluster.Listed{
			Name: "demo", Namespace: "ocne", Provider: "olvm", Phase: "Provisioned", Version: "v1.33.5", Endpoint: "https://192.0.2.160:6443",
			ControlPlane: cluster.Replicas{Ready: 1, Desired: 1}, Workers: cluster.Replicas{Ready: 0, Desired: 1}, Created: created(),
		},
		ManagementCluster: "https://management",
		Engine:            cluster.Engine{URL: "https://engine.example.com/ovirt-engine", Release: "4.5.5", DataCenter: "Default"},
		Machines: []cluster.MachineDetails{
			{
				Name: "demo-control-plane-a", Role: "control-plane", Phase: "Running", Version: "v1.33.5", NodeStatus: "Ready",
				VM: cluster.VMDetails{ID: "0815", Status: "up", Host: "host1"}, Addresses: []string{"192.0.2.164", "2001:db8::164"},
			},
			{Name: "demo-md-0-b", Role: "worker", Phase: "Provisioning", Version: "v1.33.5"},
		},
		AddressPools: []cluster.AddressPool{{
			Groups: []string{"control plane", "workers demo-md-0"}, Network: "kvm", Ranges: []string{"192.0.2.164/30", "192.0.2.170"},
			Used: 1, UsedByOthers: 2, Total: 5,
		}},
		Conditions: []cluster.ConditionDetails{{
			Subject: "machine demo-md-0-b", Type: "VMReady", Status: "False", Reason: "OutOfCapacity",
			Message: "engine refused:\n[Low disk space.]",
		}},
		NextSteps: []cluster.NextStep{{
			Subjects: []string{"machine demo-md-0-b", "machine c", "machine d", "machine e", "machine f"}, Advice: "Free space.\n  rm everything",
		}},
	}
}

func TestOneValue(t *testing.T) {
	for path, want := range map[string]string{
		"phase":                       "Provisioned\n",
		"Ready":                       "false\n",
		"kubeconfig":                  "\n",
		"controlplane.desired":        "1\n",
		"machines.0.vm.id":            "0815\n",
		"machines.0.addresses":        "- 192.0.2.164\n- 2001:db8::164\n",
		"machines.0.VM":               "host: host1\nid: \"0815\"\nname: \"\"\nstatus: up\n",
		"addressPools.0.usedByOthers": "2\n",
	} {
		t.Run(path, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, printField(&out, demo(), path))
			require.Equal(t, want, out.String())
		})
	}
}

func TestAPathThatLeadsNowhereNamesWhatThereIs(t *testing.T) {
	for path, want := range map[string]string{
		"engine.name":  `no field "name" in engine: it has dataCenter, message, reachable, release, url`,
		"machines.2":   `no field "2" in machines: it is a list of 2`,
		"machines.-1":  `no field "-1" in machines: it is a list of 2`,
		"phase.reason": `no field "reason" in phase: it is a plain value`,
	} {
		t.Run(path, func(t *testing.T) {
			err := printField(io.Discard, demo(), path)
			require.EqualError(t, err, want)
			require.Equal(t, cli.ExitUsage, cli.ExitCode(err))
		})
	}
	require.ErrorContains(t, printField(io.Discard, demo(), ""), `no field "" in a cluster: it has addressPools, `)
}

func TestProgramsGetEveryListAlsoWhenItIsEmpty(t *testing.T) {
	var out bytes.Buffer
	d := &cluster.Details{
		Groups: []cluster.GroupDetails{}, Machines: []cluster.MachineDetails{}, AddressPools: []cluster.AddressPool{}, Conditions: []cluster.ConditionDetails{},
		NextSteps: []cluster.NextStep{},
	}
	require.NoError(t, output.Print(&out, output.YAML, d))
	for _, list := range []string{"groups", "machines", "addressPools", "conditions", "nextSteps"} {
		require.Contains(t, out.String(), list+": []\n")
	}
}
