package local

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
)

func TestAnOwnerHasOneIDFromTheFirstClusterOn(t *testing.T) {
	home := t.TempDir()
	before, err := Owner(home)
	require.NoError(t, err)
	require.NotEmpty(t, before.User)
	require.Empty(t, before.ID)
	left, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, left, "whoever only asks writes nothing")

	first, err := ensureOwner(home, libvirt.Owner{})
	require.NoError(t, err)
	require.NotEmpty(t, first.ID)
	again, err := ensureOwner(home, libvirt.Owner{User: first.User, ID: "another"})
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.NoError(t, keepOwner(ownerPath(home), "of a command that was slower"))
	again, err = Owner(home)
	require.NoError(t, err)
	require.Equal(t, first, again)

	elsewhere, err := ensureOwner(t.TempDir(), first)
	require.NoError(t, err)
	require.Equal(t, first, elsewhere, "who has lost the home directory goes on with the id of the cluster that is there")
}
