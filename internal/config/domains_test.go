package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
)

const rooms = `providers:
  olvm:
    failureDomains:
      - {name: room-1, olvmOvirtClusterName: One, vnicProfileName: fast, storageDomainName: data-1}
      - {name: room-2, olvmOvirtClusterName: Two, controlPlane: false}
    controlPlaneMachine: {olvmOvirtClusterName: "", placement: {antiAffinity: hard, hosts: [host1, host2, host3]}}
    workerMachine: {olvmOvirtClusterName: "", failureDomain: room-2, placement: {affinityLabels: [gpu]}}
    workerPools:
      - {name: big, machine: {failureDomain: room-1}}
`

func TestFailureDomainsAndPlacementReachTheObjects(t *testing.T) {
	c, _ := load(t, valid(t), rooms, config.Flags{})
	require.NoError(t, c.Validate())
	objects, err := c.Objects()
	require.NoError(t, err)
	domains, placements := map[string]string{}, map[string]infrav1.Placement{}
	for _, obj := range objects {
		switch o := obj.(type) {
		case *infrav1.OLVMCluster:
			require.Equal(t, c.OLVM.FailureDomains, o.Spec.FailureDomains)
			require.Len(t, o.Spec.FailureDomains, 2)
			require.False(t, *o.Spec.FailureDomains[1].ControlPlane)
		case *clusterv1.MachineDeployment:
			domains[o.Labels[clusterv1.ClusterNameLabel]+"/"+o.Name[len(c.Name)+1:]] = o.Spec.Template.Spec.FailureDomain
		case *infrav1.OLVMMachineTemplate:
			placements[o.Name[len(c.Name)+1:]] = o.Spec.Template.Spec.Placement
		}
	}
	require.Equal(t, map[string]string{c.Name + "/md-0": "room-2", c.Name + "/big": "room-1"}, domains)
	require.Equal(t, infrav1.Placement{AntiAffinity: infrav1.HardAntiAffinity, Hosts: []string{"host1", "host2", "host3"}}, placements["control-plane"])
	require.Equal(t, []string{"gpu"}, placements["big"].AffinityLabels, "inherited")
	require.Equal(t, "One", c.HostCluster(c.OLVM.ControlPlaneMachine, true))
	require.Equal(t, "Two", c.HostCluster(c.OLVM.WorkerMachine, false))
}

func TestWhatIsWrongWithFailureDomainsAndPlacement(t *testing.T) {
	const olvm = "providers: {olvm: {"
	checkRules(t, []rule{
		{"a domain without a name", olvm + "failureDomains: [{olvmOvirtClusterName: One}]}}", "providers.olvm.failureDomains[0].name", "is required"},
		{"two of one name", olvm + "failureDomains: [{name: a, olvmOvirtClusterName: One}, {name: a, olvmOvirtClusterName: Two}]}}",
			"providers.olvm.failureDomains[1].name", "is taken"},
		{"a domain that is nowhere", olvm + "failureDomains: [{name: a}]}}", "providers.olvm.failureDomains[0].olvmOvirtClusterName", "is required"},
		{"a domain that there is not", olvm + "failureDomains: [{name: room-1, olvmOvirtClusterName: One}], workerMachine: {failureDomain: rom-1}}}",
			"providers.olvm.workerMachine.failureDomain", "write one of room-1"},
		{"a domain without domains", olvm + "workerMachine: {failureDomain: room-1}}}", "providers.olvm.workerMachine.failureDomain", "there are no"},
		{"a domain for control plane nodes", olvm + "failureDomains: [{name: a, olvmOvirtClusterName: One}], controlPlaneMachine: {failureDomain: a}}}",
			"providers.olvm.controlPlaneMachine.failureDomain", "workers only"},
		{"a kind of anti-affinity", olvm + "workerMachine: {placement: {antiAffinity: sometimes}}}}",
			"providers.olvm.workerMachine.placement.antiAffinity", "write soft, hard or none"},
		{"a host twice", olvm + "workerMachine: {placement: {hosts: [a, a]}}}}", "providers.olvm.workerMachine.placement.hosts[1]", "is there twice"},
		{"no cluster at all", olvm + "controlPlaneMachine: {olvmOvirtClusterName: ''}}}", "providers.olvm.controlPlaneMachine.olvmOvirtClusterName", "is required"},
	})
}
