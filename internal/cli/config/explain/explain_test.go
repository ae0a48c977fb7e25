package explain_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/config/explain"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
	"github.com/ocne-project/ocne/internal/config/schema"
)

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	streams, out, _ := iostreams.Buffers()
	cmd := explain.NewCommand(&cli.Environment{Streams: streams}, explain.Run)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestAKeyIsExplained(t *testing.T) {
	t.Run("with what to write and the default", func(t *testing.T) {
		out, err := run(t, "providers.olvm.workerMachine.virtualMachine.memory")
		require.NoError(t, err)
		require.Equal(t, "providers.olvm.workerMachine.virtualMachine.memory (string, default 16GB)\n\n"+
			"memory of the VM, such as 7GB, 16Gi, 7168MB or bytes; GB and GiB both mean 2^30 bytes.\n", out)
	})
	t.Run("with the words that there are", func(t *testing.T) {
		out, err := run(t, "providers.olvm.workerPools[].machine.virtualMachine.type")
		require.NoError(t, err)
		require.Contains(t, out, "(string, one of server, desktop, high_performance)")
	})
	t.Run("with the keys below it, those of a list's items included", func(t *testing.T) {
		for _, key := range []string{"providers.olvm.workerPools[].machine.virtualMachine.dataDisks", "workerPools.machine.virtualMachine.dataDisks[]"} {
			out, err := run(t, key)
			require.NoError(t, err)
			require.Contains(t, out, "(list of mappings)")
			require.Contains(t, out, "\n  mountPath ")
		}
	})
	t.Run("all that end so are listed", func(t *testing.T) {
		out, err := run(t, "quotaName")
		require.NoError(t, err)
		require.Contains(t, out, "3 keys end with quotaName:\n\n  providers.olvm.controlPlaneMachine.virtualMachine.quotaName")
	})
	t.Run("without a key, the file is", func(t *testing.T) {
		out, err := run(t)
		require.NoError(t, err)
		require.Contains(t, out, "Keys:\n")
		require.Contains(t, out, "\n  providers ")
	})
}

func TestWhatCannotBeExplained(t *testing.T) {
	_, err := run(t, "quotaNam")
	var unknown *schema.UnknownKeyError
	require.ErrorAs(t, err, &unknown)
	_, err = run(t, "a", "b")
	var usage *cli.UsageError
	require.ErrorAs(t, err, &usage)
}
