package template

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestArguments(t *testing.T) {
	name, provider, workers := "demo", "olvm", 0
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none": {nil, &Options{}},
		"the flags of start": {
			[]string{"-c", "c", "-C", "demo", "-P", "olvm", "-w", "0"},
			&Options{ConfigFile: "c", Flags: config.Flags{Name: &name, Provider: &provider, WorkerNodes: &workers}},
		},
		"a flag of the existing ocne": {[]string{"-k", "kubeconfig"}, &Options{}},
		"a count below 0":             {[]string{"-w", "-1"}, nil},
		"a file without a flag":       {[]string{"demo.yaml"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			var got *Options
			cmd := NewCommand(nil, func(_ context.Context, o *Options) error { got = o; return nil })
			cmd.SetArgs(test.args)
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetErr(io.Discard)
			err := cmd.ExecuteContext(t.Context())
			require.Equal(t, test.want == nil, err != nil, "%v", err)
			require.Equal(t, test.want, got)
		})
	}
}
