package bootimage

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/ock"
)

// convert makes the image for OLVM, as ocne image create does.
func convert(t *testing.T, source string) string {
	t.Helper()
	from, err := disk.Open(source)
	require.NoError(t, err)
	defer func() { require.NoError(t, from.Close()) }()
	conversion, err := ock.Convert(t.Context(), from, ock.Options{Architecture: ock.AMD64})
	require.NoError(t, err)
	require.True(t, conversion.Changed, "the image is as published")
	converted := filepath.Join(t.TempDir(), "olvm.qcow2")
	require.NoError(t, conversion.WriteFile(t.Context(), from, converted, func(int64, int64) {}))
	return converted
}
