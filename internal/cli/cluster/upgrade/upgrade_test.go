package upgrade

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
)

func TestArguments(t *testing.T) {
	name := "demo"
	change := func(c cli.Change) cli.Change {
		c.NodeStartupTimeout = cluster.DefaultNodeStartupTimeout
		return c
	}
	byName := change(cli.Change{Existing: cli.Existing{Name: &name}})
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"a version and a VM template": {
			[]string{"-C", "demo", "--version", "1.34.5", "--vm-template", "ock-1.34"},
			&Options{Change: byName, Version: "v1.34.5", VMTemplate: "ock-1.34"},
		},
		"a minor release alone": {[]string{"-C", "demo", "-v", "1.33"}, &Options{Change: byName, Version: "v1.33.10"}},
		"a VM template alone":   {[]string{"-C", "demo", "--vm-template", "ock"}, &Options{Change: byName, VMTemplate: "ock"}},
		"a cluster file": {
			[]string{"-c", "c", "-o", "yaml"}, &Options{Change: change(cli.Change{Existing: cli.Existing{ConfigFile: "c"}, Output: output.YAML})},
		},
		"nothing to upgrade to": {[]string{"-C", "demo"}, nil},
		"no version":            {[]string{"-C", "demo", "-v", "newest"}, nil},
		"a version too new":     {[]string{"-C", "demo", "-v", "1.99.0"}, nil},
		"a version too old":     {[]string{"-C", "demo", "-v", "1.30.3"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}

func TestTheCommandToGoOnWithSaysTheSame(t *testing.T) {
	require.Equal(t, []string{"-v", "v1.34.5", "--vm-template", "my template"}, Words("v1.34.5", "my template"))
	require.Empty(t, Words("", ""))
	env := &cli.Environment{Command: "./bin/ocne"}
	require.Equal(t, "./bin/ocne cluster upgrade -c demo.yaml --vm-template 'my template'",
		env.CommandLine("upgrade", cli.Existing{ConfigFile: "demo.yaml"}, "demo", Words("", "my template")...))
}
