package spelling

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDistanceCountsLettersToChange(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"ock", "OCK", 0}, {"okc", "ock", 2}, {"workerNode", "workerNodes", 1}, {"kitten", "sitting", 3}} {
		require.Equal(t, test.want, Distance(test.a, test.b), "%s %s", test.a, test.b)
		require.Equal(t, test.want, Distance(test.b, test.a), "%s %s", test.b, test.a)
	}
}

func TestTheNearestNameComesFirst(t *testing.T) {
	names := []string{"windows", "ock-1.32", "ock", "ock"}
	require.Equal(t, []string{"ock", "ock-1.32", "windows"}, NearestFirst("okc", names))
	require.Equal(t, []string{"windows", "ock-1.32", "ock", "ock"}, names, "the argument stays")
	require.Empty(t, NearestFirst("x", nil))
}

func TestOnlyTypingErrorsAreSimilar(t *testing.T) {
	require.True(t, Similar("okc", "ock"))
	require.True(t, Similar("controlPlaneNods", "controlPlaneNodes"))
	require.False(t, Similar("ock", "windows"))
}
