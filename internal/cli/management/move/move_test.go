package move

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
		"out of the embedded one": {[]string{"--to-kubeconfig", "t"}, &Options{To: "t"}},
		"into the embedded one":   {[]string{"--to-embedded", "-k", "f"}, &Options{Existing: cli.Existing{Kubeconfig: "f"}}},
		"one cluster": {
			[]string{"--to-kubeconfig", "t", "-k", "f", "-C", "demo"}, &Options{To: "t", Existing: cli.Existing{Kubeconfig: "f", Name: &name}},
		},
		"nowhere":                 {nil, nil},
		"both":                    {[]string{"--to-kubeconfig", "t", "--to-embedded", "-k", "f"}, nil},
		"from embedded to itself": {[]string{"--to-embedded"}, nil},
		"an argument":             {[]string{"--to-kubeconfig", "t", "demo"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}
