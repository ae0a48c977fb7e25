package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/record"
)

// Listed is one cluster in a list.
type Listed struct {
	Name         string    `json:"name"`
	Namespace    string    `json:"namespace"`
	Provider     string    `json:"provider"`
	Phase        string    `json:"phase"`
	ControlPlane Replicas  `json:"controlPlane"`
	Workers      Replicas  `json:"workers"`
	Version      string    `json:"version"`
	Endpoint     string    `json:"endpoint"`
	Created      time.Time `json:"created"`
	// Management is the management cluster that holds it.
	Management record.Management `json:"management"`
	// Message says why nothing is known of it but its management cluster; empty when that has answered.
	Message string `json:"message"`
}

// Phases of clusters that are remembered, beside those of Cluster API.
const (
	// PhaseUnreachable: its management cluster does not answer.
	PhaseUnreachable = "Unreachable"
	// PhaseLost: its management cluster is not there any more, or another one has taken its place.
	PhaseLost = "Lost"
	// PhaseMoving: it is on its way to another management cluster, and neither holds it completely.
	PhaseMoving = "Moving"
	// PhaseGone: its management cluster answers and does not hold it.
	PhaseGone = "Gone"
)

// Replicas counts machines.
type Replicas struct {
	Ready   int32 `json:"ready"`
	Desired int32 `json:"desired"`
}

// String is READY/DESIRED.
func (r Replicas) String() string { return fmt.Sprintf("%d/%d", r.Ready, r.Desired) }

func (m *Management) list(ctx context.Context) ([]Listed, error) {
	var clusters clusterv1.ClusterList
	if err := m.Client.List(ctx, &clusters); err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	var controlPlanes controlplanev1.KubeadmControlPlaneList
	if err := m.Client.List(ctx, &controlPlanes); err != nil {
		return nil, fmt.Errorf("list control planes: %w", err)
	}
	versions := map[client.ObjectKey]string{}
	for i := range controlPlanes.Items {
		k := &controlPlanes.Items[i]
		versions[client.ObjectKeyFromObject(k)] = k.Spec.Version
	}
	listed := make([]Listed, 0, len(clusters.Items))
	for i := range clusters.Items {
		c := &clusters.Items[i]
		l := newListed(c, versions[client.ObjectKey{Namespace: c.Namespace, Name: c.Spec.ControlPlaneRef.Name}])
		l.Management = m.located()
		listed = append(listed, l)
	}
	sortListed(listed)
	return listed, nil
}

func sortListed(listed []Listed) {
	slices.SortFunc(listed, func(a, b Listed) int {
		return cmp.Or(strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name), strings.Compare(a.Management.String(), b.Management.String()))
	})
}

func newListed(c *clusterv1.Cluster, version string) Listed {
	l := Listed{
		Name: c.Name, Namespace: c.Namespace, Provider: provider(c), Phase: c.Status.Phase,
		Version: version, Endpoint: endpoint(c), Created: c.CreationTimestamp.UTC(),
	}
	if cp := c.Status.ControlPlane; cp != nil {
		l.ControlPlane = Replicas{Ready: ptr.Deref(cp.ReadyReplicas, 0), Desired: ptr.Deref(cp.DesiredReplicas, 0)}
	}
	if w := c.Status.Workers; w != nil {
		l.Workers = Replicas{Ready: ptr.Deref(w.ReadyReplicas, 0), Desired: ptr.Deref(w.DesiredReplicas, 0)}
	}
	return l
}

// provider is the kind of the cluster's infrastructure without the word Cluster, as --provider takes it: olvm for OLVMCluster.
func provider(c *clusterv1.Cluster) string {
	return strings.ToLower(strings.TrimSuffix(c.Spec.InfrastructureRef.Kind, "Cluster"))
}
