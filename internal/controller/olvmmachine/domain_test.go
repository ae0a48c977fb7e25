package olvmmachine

import (
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
)

func withDomains() subject {
	s := subject{olvm: &infrav1.OLVMMachine{}, machine: &clusterv1.Machine{}, cluster: &clusterv1.Cluster{}, infra: &infrav1.OLVMCluster{}}
	s.machine.Name, s.infra.Name, s.cluster.Namespace, s.cluster.Name = "m", "demo", "ocne", "demo"
	s.infra.Spec.FailureDomains = []infrav1.FailureDomain{
		{Name: "room-1", OLVMOvirtClusterName: "One", VNICProfileName: "fast"}, {Name: "room-2", OLVMOvirtClusterName: "Two"},
	}
	s.olvm.Spec.OLVMOvirtClusterName, s.olvm.Spec.OLVMNetwork.VNICProfileName = "Default", "ovirtmgmt"
	return s
}

func TestAFailureDomainSaysWhereItsMachinesAre(t *testing.T) {
	for domain, want := range map[string][2]string{
		"": {"Default", "ovirtmgmt"}, "room-1": {"One", "fast"}, "room-2": {"Two", "ovirtmgmt"},
	} {
		s := withDomains()
		s.machine.Spec.FailureDomain = domain
		names, err := s.placeNames()
		require.NoError(t, err)
		require.Equal(t, want, [2]string{names.Cluster, names.VNICProfile})
	}
	s := withDomains()
	s.machine.Spec.FailureDomain = "rom-2"
	_, err := s.placeNames()
	require.EqualError(t, err, `spec.failureDomain of Machine m is "rom-2", and spec.failureDomains of OLVMCluster demo has room-2, room-1; `+
		"add the domain there, or delete the Machine to have it replaced")
	s.infra.Spec.FailureDomains = nil
	names, err := s.placeNames()
	require.NoError(t, err, "where there are none, what a Machine names is nobody's")
	require.Equal(t, "Default", names.Cluster)
	s = withDomains()
	s.olvm.Spec.OLVMOvirtClusterName = ""
	_, err = s.placeNames()
	require.ErrorContains(t, err, "spec.olvmOvirtClusterName is empty")
}

func TestAVMStaysWhereItWasMadeWhateverBecomesOfItsFailureDomain(t *testing.T) {
	s := withDomains()
	s.machine.Spec.FailureDomain = "room-1"
	s.olvm.Status.FailureDomain = "room-1"
	s.olvm.Status.OLVM = &infrav1.EngineStatus{ClusterName: "One", VNICProfileName: "fast"}
	s.olvm.Status.OLVM.VirtualMachine.VMID = "id"
	for _, domains := range [][]infrav1.FailureDomain{nil, {{Name: "room-1", OLVMOvirtClusterName: "Other"}}} {
		s.infra.Spec.FailureDomains = domains
		names, err := s.placeNames()
		require.NoError(t, err)
		require.Equal(t, [2]string{"One", "fast"}, [2]string{names.Cluster, names.VNICProfile})
	}
}

func TestSiblingsAreTheMachinesOfOneOwner(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		kind   infrav1.AntiAffinity
		want   string
	}{
		"a control plane": {map[string]string{clusterv1.MachineControlPlaneLabel: "", clusterv1.MachineControlPlaneNameLabel: "demo-control-plane"}, "",
			"ocne-demo-demo-control-plane-One"},
		"a MachineDeployment": {map[string]string{clusterv1.MachineDeploymentNameLabel: "demo-md-0"}, infrav1.HardAntiAffinity, "ocne-demo-demo-md-0-One-hard"},
		"no anti-affinity":    {map[string]string{clusterv1.MachineDeploymentNameLabel: "demo-md-0"}, infrav1.NoAntiAffinity, ""},
		"a machine alone":     {nil, infrav1.HardAntiAffinity, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := withDomains()
			s.machine.Labels, s.olvm.Spec.Placement.AntiAffinity = test.labels, test.kind
			got := s.siblings("One")
			require.Equal(t, test.want, got.Name)
			require.Equal(t, test.want != "" && test.kind == infrav1.HardAntiAffinity, got.Hard)
			if got.Name != "" {
				require.Equal(t, machine.GroupMark{Cluster: "ocne/demo", Group: got.Mark.Group}, got.Mark)
			}
		})
	}
}
