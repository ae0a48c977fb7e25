package cluster

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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

// A cluster's own kubeconfig is what a deletion on another machine is called with. Called again, it finds the cluster where it has got to.
func TestADeletionThatNamesTheClusterItselfIsResumedWhereTheClusterIs(t *testing.T) {
	self, other := newOutpost(t, "s"), newOutpost(t, "x")
	half, dead := newOutpost(t, "h", marked(outward)), newOutpost(t, "d")
	dead.server.Close()
	itself := func(o *outpost) record.Management {
		return record.Management{Kind: record.Self, Files: []string{o.kubeconfig}, UID: o.place().UID}
	}
	moving := func(from, to record.Management) []record.Cluster {
		return []record.Cluster{{Management: from, MovingTo: &to}}
	}
	moved := func(from, to record.Management) []record.Cluster {
		return []record.Cluster{{Management: from}, {Management: to}}
	}
	copied := self.copyKubeconfig(t)
	elsewhere := []string{"there is no cluster demo in the management cluster " + self.server.URL, other.place().String(), "Leave --kubeconfig away"}
	for name, test := range map[string]struct {
		remembered []record.Cluster // one after the other
		flag       string
		instead    *outpost // that is used, or asked as well
		refused    []string // else there is nothing to delete any more
	}{
		"it is in itself only":                               {[]record.Cluster{{Management: itself(self)}}, self.kubeconfig, nil, nil},
		"it has left itself, and the deletion is at its end": {moved(itself(dead), other.place()), dead.kubeconfig, other, nil},
		"it is on its way out, and does not answer": {
			moving(itself(dead), half.place()), dead.kubeconfig, half, []string{"is moved in part, and the cluster itself"},
		},
		"it is on its way out, and found nowhere": {
			moving(itself(self), other.place()), self.kubeconfig, other,
			[]string{"was on its way from the cluster itself", "is found in neither of them", "ocne cluster delete -C demo --forget"},
		},
		"it is on its way in, and found nowhere": {
			moving(other.place(), itself(self)), self.kubeconfig, other, []string{"is found in neither of them"},
		},
		"it is on its way out, and another file leads to it": {moving(itself(self), other.place()), copied, nil, elsewhere},
		"it has left itself, and another file leads to it":   {moved(itself(self), other.place()), copied, nil, elsewhere},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUser(t)
			u.keepAll(test.remembered)
			u.flag = test.flag
			before := u.kept("demo")
			_, err := Delete(t.Context(), DeleteOptions{Config: u.config("demo"), AnyNamespace: true, Management: u.options()}, u.report)
			if test.refused != nil {
				refused(t, err, append(test.refused, "Nothing was changed")...)
				require.Equal(t, before, u.kept("demo"))
			} else {
				require.NoError(t, err)
				require.Contains(t, u.told.String(), "nothing to delete")
				require.Nil(t, u.kept("demo"))
			}
			require.Equal(t, test.instead != nil, strings.Contains(u.told.String(), "--kubeconfig "+test.flag+" is not used"))
			if test.instead != nil {
				require.Contains(t, u.told.String(), "The objects of cluster demo are in "+test.instead.place().String())
			}
		})
	}
}

// copyKubeconfig is another file that leads to the same API.
func (o *outpost) copyKubeconfig(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(o.kubeconfig)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// keepAll remembers a cluster demo in one place after the other.
func (u *user) keepAll(places []record.Cluster) {
	u.t.Helper()
	for _, c := range places {
		c.Namespace, c.Name = "ocne", "demo"
		require.NoError(u.t, u.file().Keep(u.t.Context(), c))
	}
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
