package backup

import (
	"testing"

	"github.com/ocne-project/ocne/internal/cli/clitest"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":        {nil, &Options{}},
		"everything":  {[]string{"-f", "f", "--key-file", "k", "--kubeconfig", "m"}, &Options{File: "f", KeyFile: "k", Kubeconfig: "m"}},
		"an argument": {[]string{"f"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}
