package delete

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/config"
)

func TestArguments(t *testing.T) {
	name, provider := "demo", "olvm"
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":    {nil, &Options{}},
		"by name": {[]string{"-C", "demo", "-k", "k"}, &Options{Kubeconfig: "k", Flags: config.Flags{Name: &name}}},
		"by configuration": {
			[]string{"-c", "c", "-P", "olvm", "--timeout", "1h"},
			&Options{ConfigFile: "c", Timeout: time.Hour, Flags: config.Flags{Provider: &provider}},
		},
		"a flag of the existing ocne": {[]string{"-s", "qemu:///system"}, &Options{}},
		"another provider":            {[]string{"-P", "libvirt"}, nil},
		"a name without a flag":       {[]string{"demo"}, nil},
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
