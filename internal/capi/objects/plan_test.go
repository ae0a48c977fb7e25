package objects

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func object(apiVersion, kind, name string, owners ...string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind, "spec": map[string]any{}}}
	o.SetName(name)
	o.SetNamespace("n")
	o.SetUID(types.UID(name))
	o.SetResourceVersion("7")
	var references []metav1.OwnerReference
	for _, owner := range owners {
		references = append(references, metav1.OwnerReference{Name: owner, UID: types.UID(owner)})
	}
	o.SetOwnerReferences(references)
	return o
}

func names(all []*unstructured.Unstructured) (found []string) {
	for _, o := range all {
		found = append(found, o.GetName())
	}
	return found
}

const core, infra = "cluster.x-k8s.io/v1beta2", "infrastructure.cluster.x-k8s.io/v1"

func TestARestoreMakesTheClustersPausedAndWhatTheyOwnAfterThem(t *testing.T) {
	machine := object(core, "Machine", "machine", "set", "gone")
	now := metav1.Now()
	machine.SetDeletionTimestamp(&now)
	all := []*unstructured.Unstructured{
		object(infra, "OLVMMachine", "vm", "machine"), machine, object(core, "MachineSet", "set", "cluster"),
		object(core, "Cluster", "cluster"), object(infra, "OLVMMachineTemplate", "staged"), object("v1", "Secret", "credentials"),
		object("v1", "Secret", "of-a-template", "staged"), object("v1", "Namespace", "n"),
		object(core, "Machine", "circle-1", "circle-2"), object(core, "Machine", "circle-2", "circle-1"),
	}
	p := newPlan(all, map[string]string{"mark": "x"})
	require.Equal(t, []string{"n"}, names(p.namespaces))
	require.Equal(t, []string{"vm", "machine", "set", "cluster"}, names(p.hierarchy))
	require.Equal(t, []string{"staged", "credentials", "of-a-template", "circle-1", "circle-2"}, names(p.loose))
	require.Equal(t, []string{"machine"}, names(p.leaving))
	require.Empty(t, p.paused)

	cluster := p.hierarchy[3]
	require.Equal(t, map[string]any{"paused": true}, cluster.Object["spec"])
	require.Equal(t, map[string]string{"mark": "x"}, cluster.GetAnnotations())
	restored := p.hierarchy[1]
	require.Nil(t, restored.GetDeletionTimestamp())
	require.Empty(t, restored.GetResourceVersion())
	require.Equal(t, []string{"set"}, []string{restored.GetOwnerReferences()[0].Name}, "an owner that is gone is left out")
	require.Len(t, restored.GetOwnerReferences(), 1)
	require.Equal(t, types.UID("machine"), restored.GetUID(), "clusterctl finds the owners by it")
	require.Empty(t, p.loose[2].GetOwnerReferences())
	require.Equal(t, map[string]any{}, all[3].Object["spec"], "the backup itself is not changed")
}

func TestAClusterThatWasPausedStaysPaused(t *testing.T) {
	cluster := object(core, "Cluster", "cluster")
	cluster.Object["spec"] = map[string]any{"paused": true}
	require.Equal(t, []types.NamespacedName{{Namespace: "n", Name: "cluster"}}, newPlan([]*unstructured.Unstructured{cluster}, nil).paused)
}
