package cluster

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// heldAnnotation is on every object that was paused for a move, beside Cluster API's own annotation; what users have paused stays paused.
const heldAnnotation = "ocne-project.github.io/paused-for-move"

// active are the kinds of a cluster's objects whose controllers make, change or delete something.
func active() []client.ObjectList {
	return []client.ObjectList{
		&controlplanev1.KubeadmControlPlaneList{}, &clusterv1.MachineDeploymentList{}, &clusterv1.MachineSetList{}, &clusterv1.MachineHealthCheckList{},
		&clusterv1.MachineList{}, &bootstrapv1.KubeadmConfigList{}, &infrav1.OLVMMachineList{}, &infrav1.OLVMClusterList{},
	}
}

// holdStill pauses every object of a cluster by itself. What an interrupted move was about to delete, it deletes: the target has it already.
func (m *Management) holdStill(ctx context.Context, key client.ObjectKey) error {
	return m.eachActive(ctx, key, func(obj client.Object) (patch string) {
		_, moved := obj.GetAnnotations()[clusterctlv1.DeleteForMoveAnnotation]
		_, paused := obj.GetAnnotations()[clusterv1.PausedAnnotation]
		switch {
		case moved && !obj.GetDeletionTimestamp().IsZero():
			return `{"metadata":{"finalizers":[]}}`
		case paused:
			return ""
		}
		return fmt.Sprintf(`{"metadata":{"annotations":{%q:"",%q:""}}}`, clusterv1.PausedAnnotation, heldAnnotation)
	})
}

// letGoOn ends what holdStill did.
func (m *Management) letGoOn(ctx context.Context, key client.ObjectKey) error {
	return m.eachActive(ctx, key, func(obj client.Object) (patch string) {
		if _, held := obj.GetAnnotations()[heldAnnotation]; !held {
			return ""
		}
		return fmt.Sprintf(`{"metadata":{"annotations":{%q:null,%q:null}}}`, clusterv1.PausedAnnotation, heldAnnotation)
	})
}

// eachActive patches the cluster's objects; an empty patch leaves one as it is.
func (m *Management) eachActive(ctx context.Context, key client.ObjectKey, patch func(client.Object) string) error {
	for _, list := range active() {
		err := m.Client.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: key.Name})
		if err != nil {
			return fmt.Errorf("list %T of cluster %s: %w", list, key, err)
		}
		items, err := meta.ExtractList(list)
		if err != nil {
			return fmt.Errorf("list %T of cluster %s: %w", list, key, err)
		}
		for _, item := range items {
			obj, ok := item.(client.Object)
			if !ok {
				continue
			}
			text := patch(obj)
			if text == "" {
				continue
			}
			err := m.Client.Patch(ctx, obj, client.RawPatch(types.MergePatchType, []byte(text)), fieldOwner)
			if client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("pause or resume %s: %w", client.ObjectKeyFromObject(obj), err)
			}
		}
	}
	return nil
}
