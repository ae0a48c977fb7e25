package engine

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAMessageHoldsTenNames(t *testing.T) {
	var names []string
	for c := 'a'; c <= 'z'; c++ {
		names = append(names, string(c))
	}
	err := &MissingError{What: "quota", Name: "0", Existing: names}
	require.EqualError(t, err, `the engine has, or shows, no quota "0"; there are `+strings.Join(names[:10], ", ")+" and 16 more")
	require.EqualError(t, &MissingError{What: "quota", Name: "0"}, `the engine has, or shows, no quota "0", nor any other`)
}
