package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// inBackup is a Cluster as a backup has it.
func inBackup(namespace, name string, paused bool) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": clusterv1.GroupVersion.String(), "kind": "Cluster", "spec": map[string]any{"paused": paused},
	}}
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func TestARestoreGoesOnWhereItWasInterruptedAndTouchesNoClusterThatIsManaged(t *testing.T) {
	there := func(name, mark string, paused bool) client.Object {
		c := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: name}, Spec: clusterv1.ClusterSpec{Paused: &paused}}
		if mark != "" {
			c.Annotations = map[string]string{moveAnnotation: mark}
		}
		return c
	}
	for title, test := range map[string]struct {
		there   []client.Object
		goesOn  bool
		refused bool
	}{
		"nothing is there":                       {},
		"a part is there":                        {there: []client.Object{there("a", restoring, true)}},
		"one goes on, and the other does not":    {there: []client.Object{there("a", restoring, false), there("b", restoring, true)}},
		"all go on, and only the end is missing": {there: []client.Object{there("a", restoring, false), there("b", restoring, false)}, goesOn: true},
		"one is managed":                         {there: []client.Object{there("a", "", false)}, refused: true},
		"one is managed and paused":              {there: []client.Object{there("a", "", true)}, refused: true},
		"one is being moved by another command":  {there: []client.Object{there("a", between, true)}, refused: true},
		"one that was paused counts as going on": {
			there:  []client.Object{there("a", restoring, false), there("b", restoring, false), there("p", restoring, true)},
			goesOn: true,
		},
	} {
		t.Run(title, func(t *testing.T) {
			r := restore{Management: fakeManagement(test.there...), report: progress.Quiet{}}
			r.content = backup.Content{Objects: []*unstructured.Unstructured{inBackup("n", "a", false), inBackup("n", "b", false), inBackup("n", "p", true)}}
			goesOn, err := r.refuseExisting(t.Context())
			require.Equal(t, test.refused, err != nil, "%v", err)
			require.Equal(t, test.goesOn, goesOn)
		})
	}
}

func TestARestoreRefusesClustersThatHaveBeenMovedSinceTheBackup(t *testing.T) {
	for title, test := range map[string]struct {
		remembered func(b *outpost) record.Cluster
		gone, dead bool
		refused    bool
		warns      string
	}{
		"another one holds it":     {remembered: heldBy, refused: true},
		"it is on its way there":   {remembered: goingTo, refused: true},
		"that one has it no more":  {remembered: heldBy, gone: true},
		"that one does not answer": {remembered: heldBy, dead: true, warns: "which held cluster demo, cannot be asked whether it still does"},
		"the embedded one, which was removed": {remembered: func(*outpost) record.Cluster {
			return record.Cluster{Management: record.Management{Kind: record.Embedded, UID: "e"}}
		}},
		"the one that it is restored into": {remembered: func(*outpost) record.Cluster {
			return record.Cluster{Management: record.Management{Kind: record.Kubeconfig, Files: []string{"/target"}, UID: "target"}}
		}},
		"nothing is remembered of it": {},
	} {
		t.Run(title, func(t *testing.T) {
			b := newOutpost(t, "b", demo())
			if test.gone {
				b.clusters = nil
			}
			u := newUser(t)
			if test.remembered != nil {
				c := test.remembered(b)
				c.Namespace, c.Name = "ocne", "demo"
				require.NoError(t, u.file().Keep(t.Context(), c))
			}
			if test.dead {
				b.server.Close()
			}
			r := restore{RestoreOptions: RestoreOptions{Management: u.options()}, Management: fakeManagement(), report: u.report}
			r.place = record.Management{Kind: record.Kubeconfig, Files: []string{"/target"}, UID: "target"}
			r.content = backup.Content{Objects: []*unstructured.Unstructured{inBackup("ocne", "demo", false), inBackup("ocne", "other", false)}}
			if test.refused {
				_, err := r.run(t.Context())
				refused(t, err, "cluster demo (namespace ocne) is held by "+b.server.URL, "Nothing was changed", "ocne cluster info -C demo")
				return
			}
			require.NoError(t, r.refuseHeld(t.Context()))
			if test.warns == "" {
				require.Empty(t, u.told.String())
			}
			require.Contains(t, u.told.String(), test.warns)
		})
	}
}

func heldBy(b *outpost) record.Cluster { return record.Cluster{Management: b.place()} }

func goingTo(b *outpost) record.Cluster {
	to := b.place()
	return record.Cluster{Management: record.Management{Kind: record.Embedded, UID: "e"}, MovingTo: &to}
}

// Somebody has stopped it so that another one may take its clusters over.
func TestARestoreDoesNotStartAnEmbeddedManagementClusterToAskIt(t *testing.T) {
	u := newUser(t)
	u.keep("demo", record.Management{Kind: record.Embedded, UID: "e"})
	require.NoError(t, os.MkdirAll(filepath.Join(u.options().embeddedDir(), "controlplane"), 0o700))
	r := restore{RestoreOptions: RestoreOptions{Management: u.options()}, Management: fakeManagement(), report: u.report}
	r.content = backup.Content{Objects: []*unstructured.Unstructured{inBackup("ocne", "demo", false)}}
	require.NoError(t, r.refuseHeld(t.Context()))
	require.Contains(t, u.told.String(), "the embedded management cluster, which held cluster demo, cannot be asked whether it still does: it does not run")
}
