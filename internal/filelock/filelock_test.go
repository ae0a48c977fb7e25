package filelock

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALockIsHeldByOneAloneOrSharedByMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "lock")
	one, err := Try(path, Shared)
	require.NoError(t, err)
	two, err := Try(path, Shared)
	require.NoError(t, err)
	_, err = Try(path, Alone)
	require.ErrorIs(t, err, ErrHeld)
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	alone, err := Try(path, Alone)
	require.NoError(t, err)
	_, err = Try(path, Shared)
	require.ErrorIs(t, err, ErrHeld)
	require.NoError(t, alone.Close())
}

func TestWaitingIsToldOnceAndEndsWithTheContextOrTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder, err := Try(path, Alone)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Wait(ctx, path, Alone, cancel)
	require.ErrorIs(t, err, context.Canceled)

	told := 0
	f, err := Wait(t.Context(), path, Alone, func() {
		told++
		require.NoError(t, holder.Close())
	})
	require.NoError(t, err)
	require.Equal(t, 1, told)
	require.NoError(t, f.Close())
}

func TestALockOnAFileThatWasRemovedExcludesNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	old, err := Try(path, Alone)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	fresh, err := Try(path, Alone)
	require.NoError(t, err, "it has a file of its own")
	require.False(t, sameFile(old, path))
	require.NoError(t, old.Close())
	require.NoError(t, fresh.Close())
}
