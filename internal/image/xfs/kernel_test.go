package xfs

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLogsThatTheKernelWroteAreCleanOnceUnmounted mounts a file system, in a mount namespace that ends with the test's program, writes, and takes
// copies of it while it is in use and after it was unmounted, twice.
func TestLogsThatTheKernelWroteAreCleanOnceUnmounted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	for name, c := range map[string]struct {
		mount   string
		options []string
	}{
		"default":         {"", nil},
		"4 KiB sectors":   {"", []string{"-s", "size=4096"}},
		"256 KiB records": {",logbsize=256k", []string{"-l", "su=32768"}},
		"without bigtime": {",logbsize=64k", []string{"-m", "bigtime=0"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := makeFileSystem(t, c.options...)
			out, err := exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", `
				set -e
				mkdir "$1.mount"
				mount -t xfs -o "loop$2" "$1" "$1.mount" || exit 9
				umount "$1.mount"
				for i in 1 2; do
					mount -t xfs -o "loop$2" "$1" "$1.mount"
					(cd "$1.mount" && seq -f "new-$i-%g" 300 | xargs mkdir)
					echo "round $i" >"$1.mount/round"
					sync -f "$1.mount"
					cp --sparse=always "$1" "$1.used.$i"
					umount "$1.mount"
					cp --sparse=always "$1" "$1.unmounted.$i"
				done`, "sh", path, c.mount).CombinedOutput()
			if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 9 { //nolint:errorlint // it is not wrapped
				t.Skipf("XFS cannot be mounted here: %s", out)
			}
			require.NoError(t, err, "%s", out)
			for _, round := range []string{"1", "2"} {
				clean, err := openFile(t, path+".used."+round).LogClean(t.Context())
				require.NoError(t, err)
				require.False(t, clean, "in use, round %s", round)
				f := openFile(t, path+".unmounted."+round)
				clean, err = f.LogClean(t.Context())
				require.NoError(t, err)
				require.True(t, clean, "unmounted, round %s", round)
				i, err := f.Lookup("round")
				require.NoError(t, err)
				text, err := f.ReadFile(i, 100)
				require.NoError(t, err)
				require.Equal(t, "round "+round+"\n", string(text))
			}
		})
	}
}
