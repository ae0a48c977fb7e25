package event

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestATextThatTheAPIServerWouldRefuseIsCut(t *testing.T) {
	require.Equal(t, "short", fitting("short"))
	for _, letter := range []string{"a", "ü", "漢"} {
		got := fitting(strings.Repeat(letter, 2000))
		require.LessOrEqual(t, len(got), maxNote)
		require.Greater(t, len(got), maxNote-8)
		require.True(t, utf8.ValidString(got))
		require.True(t, strings.HasSuffix(got, "…"))
	}
}
