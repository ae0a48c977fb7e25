package stage

import (
	"bytes"
	"testing"

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
		"as the existing ocne takes them": {
			[]string{"-C", "demo", "-v", "1.33", "-t", "ostree", "-r", "registry", "-k", "k"},
			&Options{Existing: cli.Existing{Name: &name, Kubeconfig: "k"}, Version: "v1.33.10", Ignored: []string{"--transport", "--os-registry"}},
		},
		"a cluster file": {[]string{"-c", "c", "-o", "json"}, &Options{Existing: cli.Existing{ConfigFile: "c"}, Output: output.JSON}},
		"a VM template": {
			[]string{"-C", "demo", "--vm-template", "ock", "--skip-preflight", "hosts"},
			&Options{Existing: cli.Existing{Name: &name}, VMTemplate: "ock", SkipPreflight: []string{"hosts"}},
		},
		"nothing to upgrade to": {[]string{"-C", "demo"}, nil},
		"no version":            {[]string{"-v", "newest"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func TestTheStepsAreCommandsInTheirOrder(t *testing.T) {
	name := "demo"
	o := &Options{Environment: &cli.Environment{}, Existing: cli.Existing{Name: &name}, Version: "v1.34.5", VMTemplate: "ock-1.34"}
	var out bytes.Buffer
	require.NoError(t, o.print(&out, &cluster.Staged{
		Name: "demo", Namespace: "ocne", Version: "v1.34.5", ManagementKubeconfig: "/m", Steps: []cluster.StagedStep{
			{Group: "demo-control-plane", Resource: "kcp", MachineTemplate: "demo-control-plane-0a1b2c3d", VMTemplate: "ock-1.34", Patch: "{}"},
			{Group: "demo-md-0", Resource: "md", MachineTemplate: "demo-md-0-0a1b2c3d", VMTemplate: "ock-1.34", Patch: "{}"},
		},
	}))
	require.Equal(t, `1. Replace the machines of demo-control-plane: VM template ock-1.34, machine template demo-control-plane-0a1b2c3d
     kubectl --kubeconfig /m -n ocne patch kcp demo-control-plane --type=merge -p '{}'
   and wait until all of them are Running and of v1.34.5:
     ocne cluster info -C demo --watch
2. Replace the machines of demo-md-0: VM template ock-1.34, machine template demo-md-0-0a1b2c3d
     kubectl --kubeconfig /m -n ocne patch md demo-md-0 --type=merge -p '{}'
   and wait until all of them are Running and of v1.34.5:
     ocne cluster info -C demo --watch
Or let ocne take the steps, and remove the old machine templates:
     ocne cluster upgrade -C demo -v v1.34.5 --vm-template ock-1.34
`, out.String())
	out.Reset()
	require.NoError(t, o.print(&out, &cluster.Staged{Name: "demo", Version: "v1.34.5"}))
	require.Equal(t, "All machines of cluster demo are of Kubernetes v1.34.5 and what they shall be: there is nothing to do.\n", out.String())
}
