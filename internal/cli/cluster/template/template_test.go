package template

import (
	"testing"

	"github.com/ocne-project/ocne/internal/cli/clitest"
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
			clitest.ExpectOptions(t, NewCommand, test.args, test.want)
		})
	}
}
