package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/backup"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

func TestARestoreGoesOnWhereItWasInterruptedAndTouchesNoClusterThatIsManaged(t *testing.T) {
	inBackup := func(name string, paused bool) *unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": clusterv1.GroupVersion.String(), "kind": "Cluster", "spec": map[string]any{"paused": paused},
		}}
		o.SetNamespace("n")
		o.SetName(name)
		return o
	}
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
			r.content = backup.Content{Objects: []*unstructured.Unstructured{inBackup("a", false), inBackup("b", false), inBackup("p", true)}}
			goesOn, err := r.refuseExisting(t.Context())
			require.Equal(t, test.refused, err != nil, "%v", err)
			require.Equal(t, test.goesOn, goesOn)
		})
	}
}
