package programs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// launchVariable makes the test below the one that is killed.
const launchVariable = "OCNE_TEST_LAUNCH"

func TestProgramsEndWithTestsThatAreKilled(t *testing.T) {
	if os.Getenv(launchVariable) != "" {
		fmt.Printf("%d\n", Launch(t, nil, "sleep", "600").PID)
		select {}
	}
	tests := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run", "^"+t.Name()+"$")
	tests.Env = append(os.Environ(), launchVariable+"=1", "TMPDIR="+t.TempDir())
	stdout, err := tests.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, tests.Start())
	pid, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, tests.Process.Kill())
	require.Error(t, tests.Wait(), "it was killed")

	process := "/proc/" + strings.TrimSpace(pid) + "/cmdline"
	Eventually(t, "the program ends", func() (bool, string) {
		command, _ := os.ReadFile(process) // that of a process that has ended is empty, or not there
		return len(command) == 0, string(command)
	})
}
