//go:build linux

package container

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIgnitionsLogIsShownWithoutTheDocument(t *testing.T) {
	var shown bytes.Buffer
	log := &withoutDocument{w: &shown}
	for _, part := range []string{"INFO: one\nIN", "FO: two\nfiles failed\nFull ", "config:\n{\n \"a secret\"", "\n}\n"} {
		n, err := log.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	require.Equal(t, "INFO: one\nINFO: two\nfiles failed\nolvmsim: the document that Ignition prints here is left out\n", shown.String())
}
