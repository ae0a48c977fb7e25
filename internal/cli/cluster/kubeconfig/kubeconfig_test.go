package kubeconfig

import (
	"testing"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
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
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}
