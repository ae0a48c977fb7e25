//go:build linux

package container

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMoreNodesThanTheMachineAllowsAreTold(t *testing.T) {
	setting := filepath.Join(t.TempDir(), "max_user_instances")
	require.NoError(t, os.WriteFile(setting, []byte("128\n"), 0o600))
	require.Empty(t, tooManyNodes(setting, 4))
	require.Contains(t, tooManyNodes(setting, 5), "sysctl fs.inotify.max_user_instances=1024\n")
	require.Contains(t, tooManyNodes(setting, 40), "sysctl fs.inotify.max_user_instances=1280\n")
	require.Empty(t, tooManyNodes(filepath.Join(t.TempDir(), "none"), 40), "a kernel without the limit")
}
