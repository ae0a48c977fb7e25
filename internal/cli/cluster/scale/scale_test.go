package scale

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

func ptr[T any](v T) *T { return &v }

func change(c cli.Change) cli.Change {
	if c.NodeStartupTimeout == 0 {
		c.NodeStartupTimeout = cluster.DefaultNodeStartupTimeout
	}
	return c
}

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"workers": {
			[]string{"-C", "demo", "--worker-nodes", "5"},
			&Options{Change: change(cli.Change{Existing: cli.Existing{Name: ptr("demo")}}), WorkerNodes: ptr(5)},
		},
		"everything": {
			[]string{
				"-c", "c", "-k", "k", "-n", "3", "-w", "0", "--pool", "big", "-o", "json", "--timeout", "1h", "--node-startup-timeout", "20m",
				"--skip-preflight", "hosts,storage",
			},
			&Options{
				Change: change(cli.Change{
					Existing: cli.Existing{ConfigFile: "c", Kubeconfig: "k"}, Output: output.JSON, Timeout: time.Hour,
					NodeStartupTimeout: 20 * time.Minute, SkipPreflight: []string{"hosts", "storage"},
				}),
				ControlPlaneNodes: ptr(3), WorkerNodes: ptr(0), Pool: "big",
			},
		},
		"no number":                     {[]string{"-C", "demo"}, nil},
		"an even control plane":         {[]string{"-n", "4"}, nil},
		"no control plane":              {[]string{"-n", "0"}, nil},
		"more workers than are allowed": {[]string{"-w", "5001"}, nil},
		"a pool and no workers":         {[]string{"-n", "3", "--pool", "big"}, nil},
		"an unknown check":              {[]string{"-n", "3", "--skip-preflight", "hostss"}, nil},
		"no time at all":                {[]string{"-n", "3", "--node-startup-timeout", "0s"}, nil},
		"an unknown format":             {[]string{"-n", "3", "-o", "xml"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func TestAnInterruptedScaleSaysHowToGoOn(t *testing.T) {
	o := &Options{Change: cli.Change{Existing: cli.Existing{Name: ptr("demo"), Kubeconfig: "/m"}}, WorkerNodes: ptr(5), Pool: "big"}
	env := &cli.Environment{}
	again := env.CommandLine("scale", o.Existing, "demo", o.words()...)
	require.Equal(t, "ocne cluster scale -C demo -w 5 --pool big -k /m", again)
	for begun, want := range map[bool]string{
		true:  "What has begun goes on without this command. To go on with the rest, and to wait for it:\n  " + again,
		false: "Nothing was changed.\n  " + again,
	} {
		err := o.Advised(&cluster.UnfinishedError{Err: context.Canceled, Begun: begun}, again)
		advised, ok := errors.AsType[*cluster.AdvisedError](err)
		require.True(t, ok)
		require.Equal(t, want, advised.Advice)
		require.Equal(t, cli.ExitInterrupted, cli.ExitCode(err))
	}
	stuck := &cluster.StuckError{Name: "demo", Problems: []cluster.Problem{{Subject: "machine a", Reason: "R", Message: "m", Next: "Do it."}}}
	advised, ok := errors.AsType[*cluster.AdvisedError](o.Advised(stuck, again))
	require.True(t, ok)
	require.True(t, advised.Last)
	require.Contains(t, advised.Advice, "\n  Do it.\n")
	require.Contains(t, advised.Advice, "\n  "+again)
}

func TestNumbersThatTheFileHasNotAreTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "demo.yaml")
	text := "controlPlaneNodes: 1\nworkerNodes: 2\nproviders: {olvm: {workerPools: [{name: big, workerNodes: 3}]}}\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: t.TempDir()})
	require.NoError(t, err)
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"the same numbers": {Options{ControlPlaneNodes: ptr(1), WorkerNodes: ptr(3), Pool: "big"}, ""},
		"the control plane": {
			Options{ControlPlaneNodes: ptr(3)},
			"[    0s] Warning: demo.yaml says controlPlaneNodes: 1. Write 3 there, or the next 'ocne cluster start -c demo.yaml' brings 1 back\n",
		},
		"a pool": {
			Options{WorkerNodes: ptr(5), Pool: "ocne-big"},
			"[    0s] Warning: demo.yaml says providers.olvm.workerPools (name: big) workerNodes: 3. Write 5 there, or the next " +
				"'ocne cluster start -c demo.yaml' brings 3 back\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told bytes.Buffer
			o := test.options
			o.ConfigFile = "demo.yaml"
			o.remind(c, progress.NewPlain(&told, func() time.Time { return time.Time{} }))
			require.Equal(t, test.want, told.String())
		})
	}
}
