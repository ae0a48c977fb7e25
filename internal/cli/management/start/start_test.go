package start

import (
	"testing"

	"github.com/ocne-project/ocne/internal/cli/clitest"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":            {nil, &Options{}},
		"an argument":     {[]string{"demo"}, nil},
		"an unknown flag": {[]string{"--force"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}
