package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

func TestWhatIsMovedIsDecidedBeforeAnythingIsChanged(t *testing.T) {
	named := func(namespace, name string, edit ...func(*clusterv1.Cluster)) client.Object {
		c := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		for _, e := range edit {
			e(c)
		}
		return c
	}
	marked := func(mark string) func(*clusterv1.Cluster) {
		return func(c *clusterv1.Cluster) { c.Annotations = map[string]string{moveAnnotation: mark} }
	}
	paused := func(c *clusterv1.Cluster) { c.Spec.Paused = new(bool); *c.Spec.Paused = true }
	deleted := func(c *clusterv1.Cluster) {
		now := metav1.Now()
		c.DeletionTimestamp, c.Finalizers = &now, []string{"f"}
	}
	key := func(namespace, name string) client.ObjectKey {
		return client.ObjectKey{Namespace: namespace, Name: name}
	}
	demo := &Selection{Config: &config.Config{Name: "demo"}, AnyNamespace: true}
	for title, test := range map[string]struct {
		here, there []client.Object
		one         *Selection
		want        []client.ObjectKey
		refused     string
		letGo       bool // the source goes on with it
	}{
		"all": {here: []client.Object{named("a", "demo"), named("b", "other")}, want: []client.ObjectKey{key("a", "demo"), key("b", "other")}},
		"one": {here: []client.Object{named("a", "demo"), named("b", "other", paused)}, one: demo, want: []client.ObjectKey{key("a", "demo")}},
		"one of a namespace with others": {
			here: []client.Object{named("a", "demo"), named("a", "other")}, one: demo, refused: "would be moved with it",
		},
		"one that is not there": {here: []client.Object{named("a", "other")}, one: demo, refused: "there is no cluster demo"},
		"one whose move was interrupted": {
			here: []client.Object{named("a", "demo", marked(between), paused)}, there: []client.Object{named("a", "demo", marked(between), paused)},
			want: []client.ObjectKey{key("a", "demo")},
		},
		"one whose move was interrupted at its end": {
			there: []client.Object{named("a", "demo", marked(between), paused)}, want: []client.ObjectKey{key("a", "demo")},
		},
		"one that the other side manages": {there: []client.Object{named("a", "demo")}},
		"one that is in both": {
			here: []client.Object{named("a", "demo")}, there: []client.Object{named("a", "demo")}, refused: "is in both",
		},
		"one that is paused":        {here: []client.Object{named("a", "demo", paused)}, refused: "is paused"},
		"one that is being deleted": {here: []client.Object{named("a", "demo", deleted)}, refused: "is being deleted"},
		"one that is being deleted, and of which the other side has got nothing": {
			here: []client.Object{named("a", "demo", marked(between), paused, deleted)}, refused: "is being deleted", letGo: true,
		},
		"one that a move has begun to delete": {
			here: []client.Object{named("a", "demo", marked(between), paused, deleted)}, there: []client.Object{named("a", "demo", marked(between), paused)},
			want: []client.ObjectKey{key("a", "demo")},
		},
		"one that is being restored": {
			here: []client.Object{named("a", "demo", marked(restoring), paused)}, refused: "by another command",
		},
	} {
		t.Run(title, func(t *testing.T) {
			r := relocation{from: fakeManagement(test.here...), to: fakeManagement(test.there...), report: progress.Quiet{}}
			keys, err := r.selected(t.Context(), test.one)
			if test.refused != "" {
				require.ErrorContains(t, err, test.refused)
				require.Equal(t, test.letGo, r.from.writes.wrote)
				require.False(t, r.to.writes.wrote)
				if test.letGo {
					c, err := r.from.clusterNamed(t.Context(), key("a", "demo"))
					require.NoError(t, err)
					require.False(t, moving(c))
					require.Nil(t, c.Spec.Paused)
				}
				return
			}
			require.NoError(t, err)
			require.ElementsMatch(t, test.want, keys)
			require.False(t, r.from.writes.wrote || r.to.writes.wrote)
		})
	}
}

func TestAManagementClusterIsNotMovedIntoItself(t *testing.T) {
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem, UID: "one"}}
	r := relocation{from: fakeManagement(system), to: fakeManagement(system.DeepCopy()), report: progress.Quiet{}}
	_, err := r.run(t.Context(), nil)
	require.ErrorContains(t, err, "the same management cluster")
	_, err = Relocate(t.Context(), RelocateOptions{}, progress.Quiet{})
	require.ErrorContains(t, err, "name another one")
}
