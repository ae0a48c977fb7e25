package cluster

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// otherVersionReason is that of a node whose VM template holds another Kubernetes release than its machine shall run.
const otherVersionReason = "OtherKubernetesVersion"

// releases compares the Kubernetes releases of nodes with those of their machines.
type releases struct {
	report progress.Reporter
	// concerns leaves out machines; nil leaves out none.
	concerns func(*clusterv1.Machine, *infrav1.OLVMMachine) bool
	// next is what to do about another minor release.
	next string
	// warned are the VM templates that hold another patch release.
	warned []string
}

// others finds nodes whose VM template holds another minor release than their machine's. Another patch release is only told: distributions
// rebuild releases.
func (r *releases) others(s *snapshot) []Problem {
	var found []Problem
	for i := range s.machines {
		m := &s.machines[i]
		node, im := s.node(m.Status.NodeRef.Name), s.infraMachine(m)
		if node == nil || im == nil || !m.DeletionTimestamp.IsZero() || r.concerns != nil && !r.concerns(m, im) {
			continue
		}
		has, wanted, template := node.Status.NodeInfo.KubeletVersion, m.Spec.Version, vmTemplateOf(im.Spec)
		same, sameMinor := compareReleases(has, wanted)
		switch {
		case has == "" || wanted == "" || same:
		case !sameMinor:
			found = append(found, Problem{
				Subject: "machine " + m.Name, Reason: otherVersionReason, Next: r.next,
				Message: fmt.Sprintf("its VM template %s holds Kubernetes %s, and not %s", template, has, wanted),
			})
		case !slices.Contains(r.warned, template):
			r.warned = append(r.warned, template)
			r.report.Warn(fmt.Sprintf("VM template %s holds Kubernetes %s, and not %s", template, has, wanted))
		}
	}
	return found
}

// compareReleases leaves out what distributions add to a version.
func compareReleases(a, b string) (same, sameMinor bool) {
	first, err := version.ParseGeneric(a)
	if err != nil {
		return false, false
	}
	second, err := version.ParseGeneric(b)
	if err != nil {
		return false, false
	}
	sameMinor = first.Major() == second.Major() && first.Minor() == second.Minor()
	return sameMinor && first.Patch() == second.Patch(), sameMinor
}

// ofAnotherBuild says whether Cluster API takes a machine for one that is still being updated only because its kubelet is another build, or another
// patch, of its release. It compares the texts (Cluster API 1.14, setUpToDateCondition), and a distribution's is v1.33.10+1.el8.
func ofAnotherBuild(m *clusterv1.Machine) bool {
	c := meta.FindStatusCondition(m.Status.Conditions, clusterv1.MachineUpToDateCondition)
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != clusterv1.MachineUpToDateUpdatingReason || m.Status.NodeInfo == nil ||
		meta.IsStatusConditionTrue(m.Status.Conditions, clusterv1.MachineUpdatingCondition) {
		return false
	}
	has := m.Status.NodeInfo.KubeletVersion
	_, sameMinor := compareReleases(has, m.Spec.Version)
	return sameMinor && has != m.Spec.Version
}

// upToDate adds those of another build to the machines of a group that Cluster API has counted as up to date.
func (s *snapshot) upToDate(counted *int32, of func(*clusterv1.Machine) bool) int32 {
	n := ptr.Deref(counted, 0)
	for i := range s.machines {
		if m := &s.machines[i]; of(m) && ofAnotherBuild(m) {
			n++
		}
	}
	return n
}

// ofPool says which machines are a worker pool's.
func ofPool(name string) func(*clusterv1.Machine) bool {
	return func(m *clusterv1.Machine) bool {
		return !isControlPlane(m) && m.Labels[clusterv1.MachineDeploymentNameLabel] == name
	}
}
