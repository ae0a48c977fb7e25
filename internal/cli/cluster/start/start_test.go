package start

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/workload"
	"github.com/ocne-project/ocne/internal/config"
)

func ptr[T any](v T) *T { return &v }

func parse(t *testing.T, args ...string) (*Options, error) {
	t.Helper()
	var got *Options
	cmd := NewCommand(nil, func(_ context.Context, o *Options) error { got = o; return nil })
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetErr(io.Discard)
	return got, cmd.ExecuteContext(t.Context())
}

func TestArguments(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want Options
	}{
		"none": {nil, Options{}},
		"long flags": {
			[]string{"--kubeconfig", "k", "--config", "c", "--timeout", "30m", "--node-startup-timeout", "20m"},
			Options{Kubeconfig: "k", ConfigFile: "c", Timeout: 30 * time.Minute, NodeStartupTimeout: 20 * time.Minute},
		},
		"short flags": {
			[]string{"-k", "k", "-c", "c", "-n", "3", "-w", "2", "-C", "demo", "-P", "olvm", "-v", "1.33", "--virtual-ip", "192.0.2.1", "-o", "oci:ock"},
			Options{Kubeconfig: "k", ConfigFile: "c", Flags: config.Flags{
				ControlPlaneNodes: ptr(3), WorkerNodes: ptr(2), Name: ptr("demo"), Provider: ptr("olvm"),
				KubernetesVersion: ptr("1.33"), VirtualIP: ptr("192.0.2.1"), Image: ptr("oci:ock"),
			}},
		},
		"a zero that is given is not the same as none": {[]string{"-w", "0"}, Options{Flags: config.Flags{WorkerNodes: ptr(0)}}},
		"flags of the existing ocne without a use here": {
			[]string{"-s", "qemu:///system", "-i", "key", "-u", "false", "--load-balancer", "x"},
			Options{Ignored: []string{"--key", "--auto-start-ui", "--load-balancer"}, Flags: config.Flags{LibvirtURI: ptr("qemu:///system")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, test.args...)
			require.NoError(t, err)
			test.want.patient = test.want.NodeStartupTimeout == 0
			test.want.NodeStartupTimeout = cmp.Or(test.want.NodeStartupTimeout, cluster.DefaultNodeStartupTimeout)
			require.Equal(t, &test.want, got)
		})
	}
}

func TestWrongArguments(t *testing.T) {
	for name, args := range map[string][]string{
		"a count below 0":   {"-w", "-1"},
		"no count":          {"-n", "three"},
		"an unknown flag":   {"--colour"},
		"a free argument":   {"demo"},
		"a time of no sort": {"--timeout", "soon"},
		"no time at all":    {"--node-startup-timeout", "0s"},
		"an unknown check":  {"--skip-preflight", "virtual-ipp"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parse(t, args...)
			require.Error(t, err)
			require.Nil(t, got)
		})
	}
}

func TestCommandsToTryNextNameTheSameClusters(t *testing.T) {
	for name, test := range map[string]struct {
		args                []string
		start, del, listing string
	}{
		"by configuration": {
			[]string{"-c", "my demo.yaml", "-w", "2"},
			"ocne cluster start -c 'my demo.yaml' -w 2", "ocne cluster delete -c 'my demo.yaml'", "ocne cluster list",
		},
		"by flags": {
			[]string{"-C", "demo", "-P", "olvm", "-n", "3", "-k", "/m"},
			"ocne cluster start -C demo -P olvm -n 3 -k /m", "ocne cluster delete -C demo -k /m", "ocne cluster list -k /m",
		},
		"with checks left out": {
			[]string{"-C", "demo", "--skip-preflight=hosts,storage"},
			"ocne cluster start -C demo --skip-preflight hosts,storage", "ocne cluster delete -C demo", "ocne cluster list",
		},
		"with more patience": {
			[]string{"-C", "demo", "--node-startup-timeout", "20m"},
			"ocne cluster start -C demo --node-startup-timeout 20m0s", "ocne cluster delete -C demo", "ocne cluster list",
		},
		"by the defaults file": {nil, "ocne cluster start -C demo", "ocne cluster delete -C demo", "ocne cluster list"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := parse(t, test.args...)
			require.NoError(t, err)
			o.Environment = &cli.Environment{}
			require.Equal(t, []string{test.start, test.del, test.listing},
				[]string{o.command("start", "demo"), o.command("delete", "demo"), o.command("list", "")})
		})
	}
}

func TestCommandsToTryNextCallTheProgramAsTheUserDid(t *testing.T) {
	o := &Options{Environment: &cli.Environment{Command: "./bin/ocne"}, ConfigFile: "demo.yaml"}
	require.Equal(t, "./bin/ocne cluster delete -c demo.yaml", o.command("delete", "demo"))
}

// List reads no cluster file, and so does not know the management cluster that one names.
func TestListIsToldTheManagementClusterOfTheConfiguration(t *testing.T) {
	for name, test := range map[string]struct{ flag, env, want string }{
		"neither flag nor environment": {"", "", "ocne cluster list -k /configured"},
		"the flag wins":                {"/flag", "", "ocne cluster list -k /flag"},
		"the environment wins":         {"", "/env", "ocne cluster list"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Options{
				Environment: &cli.Environment{Getenv: func(string) string { return test.env }},
				ConfigFile:  "demo.yaml", Kubeconfig: test.flag, configured: "/configured",
			}
			require.Equal(t, test.want, o.command("list", ""))
		})
	}
}

func TestTheResultIsTwoTablesAndWhatToDoNext(t *testing.T) {
	streams, out, _ := iostreams.Buffers()
	o := &Options{Environment: &cli.Environment{Streams: streams}, ConfigFile: "demo.yaml"}
	require.NoError(t, o.print(&cluster.Summary{
		Name: "demo", Kubeconfig: "/home/me/.kube/kubeconfig.demo", ManagementKubeconfig: "/m",
		Nodes: []workload.Node{
			{Name: "demo-control-plane-a", Status: "Ready", Roles: "control-plane", Version: "v1.33.5", InternalIP: "192.0.2.164"},
			{Name: "demo-md-0-b", Status: "Ready", Roles: "<none>", Version: "v1.33.5", InternalIP: "192.0.2.170"},
		},
		Machines: []cluster.Machine{{Name: "demo-control-plane-a", VMStatus: "up", Address: "192.0.2.164", ProviderID: "olvm://1"}, {Name: "demo-md-0-b"}},
	}))
	require.Equal(t, `NAME                   STATUS   ROLES           VERSION   INTERNAL-IP
demo-control-plane-a   Ready    control-plane   v1.33.5   192.0.2.164
demo-md-0-b            Ready    <none>          v1.33.5   192.0.2.170

MACHINE                VM STATUS   ADDRESS       PROVIDER ID
demo-control-plane-a   up          192.0.2.164   olvm://1
demo-md-0-b            -           -             -

What next:
  kubectl --kubeconfig /home/me/.kube/kubeconfig.demo get nodes
  ocne cluster list
  ocne cluster start -c demo.yaml -w 3   # another number of workers
  ocne cluster delete -c demo.yaml
  kubectl --kubeconfig /m get clusters,machines,olvmmachines -A   # Cluster API's view
`, out.String())
}

func TestAnInterruptedStartSaysWhatIsLeftAndHowToGoOn(t *testing.T) {
	streams, _, told := iostreams.Buffers()
	o := &Options{Environment: &cli.Environment{Streams: streams}, ConfigFile: "demo.yaml"}
	unfinished := &cluster.UnfinishedError{
		Err: context.Canceled, Begun: true, Applied: true, Waiting: []progress.Item{{Name: "workers", State: "1 of 2 ready", Detail: "NotAvailable"}},
	}
	err := o.advised("demo", errors.Join(unfinished))
	cli.PrintError(streams.Err, err)
	require.Equal(t, `Error: interrupted; still waiting for
  workers: 1 of 2 ready - NotAvailable

Cluster demo stays, and goes on without this command:
  ocne cluster list   # see how far it is
  ocne cluster start -c demo.yaml   # go on, and wait for it
  ocne cluster delete -c demo.yaml   # remove it
`, told.String())
	require.Equal(t, cli.ExitInterrupted, cli.ExitCode(err))
}

func TestAStartThatWasInterruptedBeforeItChangedAnythingSaysSo(t *testing.T) {
	streams, _, told := iostreams.Buffers()
	o := &Options{Environment: &cli.Environment{Streams: streams}, ConfigFile: "demo.yaml"}
	cli.PrintError(streams.Err, o.advised("demo", &cluster.UnfinishedError{Err: context.Canceled}))
	require.Equal(t, `Error: interrupted

Nothing was changed.
  ocne cluster start -c demo.yaml   # go on, and wait for it
`, told.String())
}

func TestAStartThatCannotSucceedEndsWithTheReasonInTheLastLine(t *testing.T) {
	streams, _, told := iostreams.Buffers()
	o := &Options{Environment: &cli.Environment{Streams: streams}, ConfigFile: "demo.yaml"}
	err := o.advised("demo", &cluster.StuckError{
		Name: "demo", Namespace: "olvm", Management: "https://127.0.0.1:6443, embedded in /home/me/.ocne/management", VMs: 1,
		Problems: []cluster.Problem{
			{Subject: "machine demo-md-0-a", Reason: "OutOfCapacity", Message: "Low disk space on Storage Domain data.", Next: "Free some."},
			{Subject: "machine demo-md-0-b", Reason: "OutOfCapacity", Message: "Low disk space on Storage Domain data.", Next: "Free some."},
		},
	})
	cli.PrintError(streams.Err, err)
	require.Equal(t, `
These do not go on by themselves:
  machine demo-md-0-a: OutOfCapacity: Low disk space on Storage Domain data.
  machine demo-md-0-b: OutOfCapacity: Low disk space on Storage Domain data.
What to do:
  Free some.
Nothing was rolled back. VMs of cluster demo in the engine: 1. Its objects stay in namespace olvm of the management cluster
https://127.0.0.1:6443, embedded in /home/me/.ocne/management,
whose controllers keep trying. When the cause is removed:
  ocne cluster start -c demo.yaml   # go on, and wait for it
  ocne cluster delete -c demo.yaml   # or remove it, with everything that was made

Error: cluster demo cannot be completed (2 problems): machine demo-md-0-a: OutOfCapacity: Low disk space on Storage Domain data.
`, told.String())
	require.Equal(t, cli.ExitError, cli.ExitCode(err))
}

func TestAClusterThatIsBeingDeletedIsWaitedForFirst(t *testing.T) {
	o := &Options{Environment: &cli.Environment{}, ConfigFile: "demo.yaml"}
	var advised *cluster.AdvisedError
	require.ErrorAs(t, o.advised("demo", fmt.Errorf("cluster demo %w", cluster.ErrBeingDeleted)), &advised)
	require.EqualError(t, advised, "cluster demo is being deleted")
	require.Contains(t, advised.Advice, "\n  ocne cluster delete -c demo.yaml")
}

func TestALocalStartThatHadTooLittleTimeSaysHowToGoOn(t *testing.T) {
	o := &Options{Environment: &cli.Environment{}, ConfigFile: "try.yaml"}
	late := errors.New("not finished within 5m")
	for name, test := range map[string]struct {
		err    error
		advice string
	}{
		"no node has registered": {
			&libvirt.Error{Op: "wait for node", Object: "try-control-plane-1", Err: late},
			"To make it with more time (--timeout), or to go on:\n  ocne cluster start -c try.yaml",
		},
		"a node is not Ready": {
			&local.NotReadyError{Cluster: "try", Kubeconfig: "/k", Err: late},
			"The cluster stays. To look at its pods, or to go on:\n  kubectl --kubeconfig /k get pods -A\n  ocne cluster start -c try.yaml",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var advised *cluster.AdvisedError
			require.ErrorAs(t, o.advisedLocal(&config.Config{Name: "try"}, test.err, true), &advised)
			require.ErrorIs(t, advised, late)
			require.Contains(t, advised.Advice, test.advice)
		})
	}
}
