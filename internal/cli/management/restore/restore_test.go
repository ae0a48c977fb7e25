package restore

import (
	"testing"

	"github.com/ocne-project/ocne/internal/cli/clitest"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"a file":     {[]string{"f"}, &Options{File: "f"}},
		"everything": {[]string{"f", "--key-file", "k", "-k", "m"}, &Options{File: "f", KeyFile: "k", Kubeconfig: "m"}},
		"no file":    {nil, nil},
		"two files":  {[]string{"f", "g"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}
