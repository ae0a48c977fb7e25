package cluster

import (
	"cmp"
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// A deletion first moves a cluster out of itself. It is interrupted, and the next one is called without any KUBECONFIG.
func TestTheRecordFollowsAClusterThatMoves(t *testing.T) {
	m := newMoves(t)
	vms := m.vms()
	own, other := m.from(), m.to()
	own.own = true
	own.place = record.Management{Kind: record.Self, Files: []string{own.Kubeconfig}}
	other.place = record.Management{Kind: record.Kubeconfig, Files: []string{other.Kubeconfig}, Context: "side"}
	u := newUser(t)
	u.keep(m.key.Name, own.place)
	o := DeleteOptions{Config: m.config, Management: u.options()}
	mem, err := recall(o.Management, o.Config, false, u.report)
	require.NoError(t, err)

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	target := m.sides[1-m.here]
	target.mu.Lock()
	target.broken, target.after = interrupt, nth(8, http.MethodPost)
	target.mu.Unlock()
	_, err = o.moveOut(ctx, mem, own, &homes{key: m.key, own: own, other: other, report: m.report}, m.report)
	require.Error(t, err)
	target.revive()
	kept := u.kept(m.key.Name)
	require.Equal(t, record.Self, kept.Management.Kind)
	require.NotEmpty(t, kept.Management.UID)
	require.Equal(t, []string{other.Kubeconfig}, kept.MovingTo.Files)
	listed, err := List(t.Context(), u.options(), u.report)
	require.NoError(t, err)
	require.Len(t, listed, 1, "until the move is complete, the cluster itself holds it")
	require.Equal(t, record.Self, listed[0].Management.Kind)

	mem, err = recall(o.Management, o.Config, false, u.report)
	require.NoError(t, err)
	home, err := o.open(t.Context(), mem, u.report)
	require.NoError(t, err)
	require.Equal(t, other.place.Files, home.place.Files, "the move went on to the same place")
	m.here = 1 - m.here
	m.expectSettled(t)
	require.Equal(t, vms, m.vms())
	kept = u.kept(m.key.Name)
	require.Nil(t, kept.MovingTo)
	require.Equal(t, other.place.Files, kept.Management.Files)
	require.Equal(t, record.Self, kept.History[0].Kind)
}

// Its silence is told by a kubeconfig that is there, and the one that was remembered may be the only one.
func TestAClusterIsAskedByTheKubeconfigThatIsThere(t *testing.T) {
	self := homeItself()
	for name, test := range map[string]struct {
		known   *record.Cluster
		named   bool // another management cluster is named by --kubeconfig
		written bool // the kubeconfig is where the configuration says
		want    string
	}{
		"nothing is remembered":                       {},
		"another one holds it":                        {known: &record.Cluster{Management: homeX()}},
		"it holds itself":                             {known: &record.Cluster{Management: self}, written: true, want: "/own"},
		"it is on its way in":                         {known: movingIn(), written: true, want: "/own"},
		"another one is named":                        {known: movingOut(), named: true, written: true},
		"another one is named, and there is no other": {known: movingOut(), named: true, want: "/own"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newUser(t).config("demo")
			if test.written {
				require.NoError(t, workload.WriteKubeconfig(c.KubeconfigPath(), []byte("kubeconfig")))
			}
			mem := &memory{known: test.known, chooses: test.known != nil && !test.named}
			require.Equal(t, cmp.Or(test.want, c.KubeconfigPath()), mem.ownKubeconfig(c))
		})
	}
}
