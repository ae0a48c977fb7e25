package credentials

import (
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// protect adds the cluster's finalizer, and the label by which clusterctl move takes the object along: no Cluster owns it. An object of
// another namespace is left where it is, because a move is of one namespace.
func protect(cluster *infrav1.OLVMCluster) func(client.Object, string) bool {
	return func(o client.Object, own string) bool {
		labelled := o.GetNamespace() == cluster.Namespace && addMoveLabel(o)
		return controllerutil.AddFinalizer(o, own) || labelled
	}
}

func addMoveLabel(o client.Object) (changed bool) {
	labels := o.GetLabels()
	if _, ok := labels[clusterctlv1.ClusterctlMoveLabel]; ok {
		return false
	}
	if labels == nil {
		labels = map[string]string{}
	}
	labels[clusterctlv1.ClusterctlMoveLabel] = ""
	o.SetLabels(labels)
	return true
}
