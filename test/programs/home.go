package programs

import (
	"bytes"
	"context"
	_ "embed"
	"io"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:embed guard.sh
var guard string

// Home makes a home directory for a user of the command line, which leaves processes running there that outlive it. They end with the test, also when
// it fails or is killed, and the directory is removed.
func Home(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	guardHome(t, home, "remove")
	return home
}

// Guard does the same for a home directory that somebody else made, and keeps it.
func Guard(t testing.TB, home string) {
	t.Helper()
	guardHome(t, home, "keep")
}

func guardHome(t testing.TB, home, fate string) {
	t.Helper()
	command := exec.CommandContext(context.Background(), "sh", "-c", guard) // the context of the test ends before its cleanups
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}                // Ctrl-C is not meant for it
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	tests, err := command.StdinPipe() // its end is closed by the kernel when this process ends, however it ends
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		if err := tests.Close(); err != nil {
			t.Errorf("the guard of %s: %v", home, err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("the guard of %s: %v: %s", home, err, &out)
		}
	})
	_, err = io.WriteString(tests, home+"\n"+fate+"\n")
	require.NoError(t, err)
}
