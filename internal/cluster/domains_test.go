package cluster

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/preflight"
)

func TestAGroupIsCheckedInEachOfItsFailureDomains(t *testing.T) {
	s := spread{
		all: []infrav1.FailureDomain{
			{Name: "a", OLVMOvirtClusterName: "One"}, {Name: "b", OLVMOvirtClusterName: "Two", VNICProfileName: "fast", StorageDomainName: "near"},
			{Name: "c", OLVMOvirtClusterName: "Three", ControlPlane: ptr.To(false)},
		},
		controlPlane: true, key: func(i int) string { return fmt.Sprintf("domains[%d]", i) },
	}
	group := preflight.Group{Path: "machine.", Nodes: 3, Cluster: "Default", VNICProfile: "slow", Disks: preflight.Disks{Domain: "any"}, Pools: []preflight.Pool{{Subject: "pool"}}}
	groups := s.over(group)
	require.Len(t, groups, 2)
	require.Equal(t, []string{"One", "Two"}, []string{groups[0].Cluster, groups[1].Cluster})
	require.Equal(t, []string{"slow", "fast"}, []string{groups[0].VNICProfile, groups[1].VNICProfile})
	require.Equal(t, []string{"any", "near"}, []string{groups[0].Disks.Domain, groups[1].Disks.Domain})
	require.Equal(t, "domains[1].storageDomainName", groups[1].StorageDomainSubject)
	require.Equal(t, []int{2, 1}, []int{groups[0].Here, groups[1].Here}, "as Cluster API spreads them")
	require.Equal(t, []int{3, 0}, []int{groups[0].Nodes, groups[1].Nodes}, "addresses are counted once")
	require.Empty(t, groups[1].Pools)
	require.Equal(t, "domains[1].olvmOvirtClusterName", groups[1].ClusterSubject)

	s.controlPlane, s.name = false, "c"
	groups = s.over(group)
	require.Equal(t, "Three", groups[0].Cluster)
	require.Equal(t, 3, groups[0].Here)
	s.name = ""
	require.Equal(t, "Default", s.over(group)[0].Cluster)
}

func TestHowMachinesAreSpreadIsCounted(t *testing.T) {
	s := &snapshot{}
	for i, domain := range []string{"b", "a", "b", ""} {
		m, im := clusterv1.Machine{}, infrav1.OLVMMachine{}
		im.Name, im.Status.FailureDomain = fmt.Sprint(i), domain
		m.Spec.InfrastructureRef.Name, m.Spec.FailureDomain = im.Name, "what it names"
		s.machines, s.infraMachines = append(s.machines, m), append(s.infraMachines, im)
	}
	all := func(*clusterv1.Machine) bool { return true }
	require.Equal(t, []DomainDetails{{"a", 1}, {"b", 2}, {"c", 0}}, s.spreadOver([]string{"c", "a"}, all))
	require.Equal(t, []DomainDetails{}, s.spreadOver(nil, func(*clusterv1.Machine) bool { return false }))
}
