package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cluster"
)

func TestErrorsAreToldOnceWithTheNextStepAndAnExitCode(t *testing.T) {
	failure := errors.New("it broke")
	for name, test := range map[string]struct {
		err  error
		code int
		text string
	}{
		"success":              {nil, 0, ""},
		"an error":             {failure, 1, "Error: it broke\n"},
		"an error with advice": {&cluster.AdvisedError{Err: failure, Advice: "Repair it."}, 1, "Error: it broke\n\nRepair it.\n"},
		"a wrong command line": {
			&cli.UsageError{Command: "ocne cluster", Err: failure}, 2, "Error: it broke\n\nRun 'ocne cluster --help' for help.\n",
		},
		"an interrupt":    {fmt.Errorf("wait: %w", context.Canceled), 130, "Error: wait: context canceled\n"},
		"the end of time": {&cluster.UnfinishedError{Err: errors.New("not finished within 1m0s")}, 1, "Error: not finished within 1m0s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			cli.PrintError(&out, test.err)
			require.Equal(t, test.text, out.String())
			require.Equal(t, test.code, cli.ExitCode(test.err))
		})
	}
}
