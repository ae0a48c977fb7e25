package programs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// killedVariable makes a test the one that is killed.
const killedVariable = "OCNE_TEST_KILLED"

func TestProgramsEndWithTestsThatAreKilled(t *testing.T) {
	if os.Getenv(killedVariable) != "" {
		fmt.Println(Launch(t, nil, "sleep", "600").PID)
		select {}
	}
	expectEnd(t, kill(t, 1)[0])
}

func TestAHomeEndsWithTestsThatAreKilled(t *testing.T) {
	if os.Getenv(killedVariable) != "" {
		home := Home(t)
		for _, line := range []string{`HOME=$0 setsid sleep 600 & echo $!`, `echo >"$0/log"; setsid tail -f "$0/log" >/dev/null & echo $!`} {
			command := exec.Command("sh", "-c", line, home)
			command.Stdout = os.Stdout
			require.NoError(t, command.Run())
		}
		fmt.Println(home)
		select {}
	}
	told := kill(t, 3)
	expectEnd(t, told[0])
	expectEnd(t, told[1])
	Eventually(t, "the home is removed", func() (bool, string) {
		_, err := os.Stat(told[2])
		return os.IsNotExist(err), fmt.Sprint(err)
	})
}

func TestAGuardedHomeIsKeptAndItsNeighbourIsLeftAlone(t *testing.T) {
	root := t.TempDir()
	guarded, neighbour := filepath.Join(root, "home"), filepath.Join(root, "home-2")
	require.NoError(t, os.Mkdir(guarded, 0o700))
	other := Launch(t, []string{"HOME=" + neighbour}, "sleep", "600")
	t.Run("user", func(t *testing.T) {
		user := Launch(t, []string{"HOME=" + guarded}, "sleep", "600")
		t.Cleanup(func() { expectEnd(t, strconv.Itoa(user.PID)) }) // before Launch's own end of it, and after the guard's
		Guard(t, guarded)
	})
	require.False(t, other.Ended())
	require.DirExists(t, guarded)
}

// kill runs the test once more, kills that when it has told so many lines, and returns these.
func kill(t *testing.T, lines int) (told []string) {
	t.Helper()
	tests := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run", "^"+t.Name()+"$")
	tests.Env = append(os.Environ(), killedVariable+"=1", "TMPDIR="+t.TempDir())
	stdout, err := tests.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, tests.Start())
	scanner := bufio.NewScanner(stdout)
	for range lines {
		require.True(t, scanner.Scan())
		told = append(told, scanner.Text())
	}
	require.NoError(t, tests.Process.Kill())
	require.Error(t, tests.Wait(), "it was killed")
	return told
}

func expectEnd(t *testing.T, pid string) {
	t.Helper()
	Eventually(t, "the program ends", func() (bool, string) {
		command, _ := os.ReadFile("/proc/" + pid + "/cmdline") // that of a process that has ended is empty, or not there
		return len(command) == 0, string(command)
	})
}
