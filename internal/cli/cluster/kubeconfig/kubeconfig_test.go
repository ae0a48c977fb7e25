package kubeconfig

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
)

func TestArguments(t *testing.T) {
	name := "demo"
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":                  {nil, &Options{}},
		"by name":               {[]string{"-C", "demo", "-k", "k"}, &Options{Existing: cli.Existing{Kubeconfig: "k", Name: &name}}},
		"to a file":             {[]string{"-c", "c", "--file", "f"}, &Options{Existing: cli.Existing{ConfigFile: "c"}, File: "f"}},
		"a file without a flag": {[]string{"f"}, nil},
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
