package libvirt

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPrivateClusterIsItsOwnersAlone(t *testing.T) {
	alice := Owner{User: "alice", ID: "1"}
	for name, test := range map[string]struct {
		of, by Owner
		says   string // empty: it is no refusal
	}{
		"the owner":                                  {alice, alice, ""},
		"the owner, who has lost the id":             {alice, Owner{User: "alice"}, ""},
		"the owner under another name":               {alice, Owner{User: "alicia", ID: "1"}, ""},
		"everybody's":                                {Owner{}, alice, ""},
		"whoever only looks":                         {alice, Owner{}, ""},
		"another user":                               {alice, Owner{User: "bob", ID: "2"}, "it is the management cluster of somebody else: user alice"},
		"another user without an id":                 {alice, Owner{User: "bob"}, "user alice"},
		"the same user, who calls another home home": {alice, Owner{User: "alice", ID: "2"}, "user alice with another home directory"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Cluster{Name: "small", Owner: test.of}.RequireOwner(test.by)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrOthers)
			require.ErrorContains(t, err, test.says)
			requireAdvice(t, err, ErrOthers, "ephemeralCluster: {name: NAME}")
		})
	}
}

func TestOfTwoUsersWithOneNameTheSecondIsRefusedAndChangesNothing(t *testing.T) {
	d := systemDaemon(t)
	o := d.tinyOptions(t, "demo")
	o.Private, o.Owner = true, Owner{User: "alice", ID: "1"}
	require.NoError(t, create(t, o, tinyDocument))
	made, err := Info(t.Context(), d.Connection, "demo")
	require.NoError(t, err)
	require.Equal(t, o.Owner, made.Owner)
	require.False(t, made.Ready, "so that a failure of the second could remove it")
	d.virsh(t, "destroy", "demo-control-plane-1")
	before := d.everything(t) + d.virsh(t, "dumpxml", "demo-control-plane-1") + d.virsh(t, "list", "--all")

	o.Owner = Owner{User: "bob", ID: "2"}
	require.ErrorIs(t, create(t, o, tinyDocument), ErrOthers)
	require.NoError(t, cleanUp(t.Context(), o), "of a creation that failed before it knew")
	require.ErrorIs(t, Delete(t.Context(), DeleteOptions{Connection: o.Connection, Cluster: "demo"}), ErrOthers)
	_, err = Wake(t.Context(), o.Connection, "demo", func(string) {})
	require.ErrorIs(t, err, ErrOthers)
	require.Equal(t, before, d.everything(t)+d.virsh(t, "dumpxml", "demo-control-plane-1")+d.virsh(t, "list", "--all"))

	o.Owner = Owner{User: "alice"}
	require.NoError(t, create(t, o, tinyDocument), "the mark stays, and the owner is known by name")
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: o.Connection, Cluster: "demo"}))
}
