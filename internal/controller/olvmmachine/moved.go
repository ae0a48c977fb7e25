package olvmmachine

import (
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// movedAway says that another management cluster has the machine: clusterctl move deletes the object here, and with it goes nothing of
// the engine. Its owners may be gone before the cache shows that it is.
func movedAway(olvm *infrav1.OLVMMachine) bool {
	_, ok := olvm.Annotations[clusterctlv1.DeleteForMoveAnnotation]
	return ok && !olvm.DeletionTimestamp.IsZero()
}

// letMove ends what announce began. A machine that is paused asks for nothing, and what it asked for before is written down in its spec,
// its annotations and its IPAddresses, which move along: whoever goes on finds the same VM.
func letMove(olvm *infrav1.OLVMMachine) {
	delete(olvm.Annotations, clusterctlv1.BlockMoveAnnotation)
}
