package machine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAGroupsMarkIsReadBackAndNothingElseIsOne(t *testing.T) {
	m := GroupMark{Cluster: "ocne/demo", Group: "demo-md-0"}
	read, ok := ParseGroupMark(m.Text())
	require.True(t, ok)
	require.Equal(t, m, read)
	for _, other := range []string{"", "servers apart", "{}", `{"ocne":"v1","cluster":"ocne/demo"}`, Mark{Cluster: "ocne/demo"}.Comment()} {
		_, ok = ParseGroupMark(other)
		require.False(t, ok, other)
	}
}

func TestAffinityGroupsAreNamedAfterWhoseTheyAreAndWhereTheyAre(t *testing.T) {
	m := GroupMark{Cluster: "ocne/demo", Group: "demo-md-0"}
	require.Equal(t, "ocne-demo-demo-md-0-Default", GroupName(m, "Default", false))
	require.Equal(t, "ocne-demo-demo-md-0-Default-hard", GroupName(m, "Default", true))
	require.NotEqual(t, GroupName(m, "Default", false), GroupName(m, "Other", false), "the engine has one group of a name")
}
