package cluster

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// town is a site with a running cluster, whose objects are in the management cluster: a control plane and the pools md-0 and big.
type town struct {
	*site
	engine *olvmsim.Simulator
	order  CreateOptions
}

func newTown(t *testing.T) town {
	t.Helper()
	engine := olvmsim.New(t)
	s := newSite(t)
	o := order(t, engine)
	o.Config.OLVM.WorkerPools = slices.Clone(o.Config.Pools())
	o.Config.OLVM.WorkerPools[0].Name = "big"
	p := o.plan(t)
	require.NoError(t, s.applyPlan(t.Context(), p, s.report))
	c := &clusterv1.Cluster{}
	require.NoError(t, s.Client.Get(t.Context(), p.key, c))
	c.Status.Initialization.ControlPlaneInitialized = ptr.To(true)
	c.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: o.Config.VirtualIP, Port: 6443}
	require.NoError(t, s.Client.Update(t.Context(), c))
	return town{site: s, engine: engine, order: o}
}

func (s town) selection() Selection {
	return Selection{Config: s.order.Config, Management: s.order.Management}
}

func (s town) cluster(t *testing.T) *clusterv1.Cluster {
	t.Helper()
	c := &clusterv1.Cluster{}
	require.NoError(t, s.Client.Get(t.Context(), client.ObjectKey{Namespace: "ocne", Name: "demo"}, c))
	return c
}

func (s town) planScale(t *testing.T, o ScaleOptions) (changed []machineGroup, err error) {
	t.Helper()
	seen, err := observe(t.Context(), s.Client, client.ObjectKeyFromObject(s.cluster(t)))
	require.NoError(t, err)
	o.Selection = s.selection()
	_, changed, err = s.Management.planScale(t.Context(), seen, o, s.report)
	return changed, err
}

func (s town) planUpgrade(t *testing.T, o UpgradeOptions) (*upgrade, error) {
	t.Helper()
	o.Selection = s.selection()
	u := &upgrade{Management: s.Management, options: o, report: s.report, key: client.ObjectKeyFromObject(s.cluster(t))}
	return u, u.plan(t.Context())
}

func TestScalingChangesTheGroupsThatItNames(t *testing.T) {
	s := newTown(t)
	changed, err := s.planScale(t, ScaleOptions{ControlPlaneNodes: ptr.To(3), WorkerNodes: ptr.To(4), Pool: "big"})
	require.NoError(t, err)
	require.Len(t, changed, 2)
	require.Equal(t, "control plane", changed[0].title)
	require.Equal(t, int32(3), changed[0].replicas)
	require.Equal(t, "worker pool demo-big", changed[1].title)
	require.Equal(t, int32(4), changed[1].replicas)

	changed, err = s.planScale(t, ScaleOptions{ControlPlaneNodes: ptr.To(1), WorkerNodes: ptr.To(1), Pool: "demo-md-0"})
	require.NoError(t, err)
	require.Empty(t, changed, "they have these numbers already")
}

// E5: a management cluster that ocne keeps on a libvirt host is not older than what it is told to do.
func TestAManagementClusterOnLibvirtGetsTheControllersOfThisReleaseBeforeAChange(t *testing.T) {
	s := newTown(t)
	s.hosted, s.place, s.Kubeconfig = &hosted{}, record.Management{Kind: record.Libvirt, Cluster: "small"}, "missing"
	s.order.Management.Programs = t.TempDir()
	_, err := layout.Write(s.order.Management.controllersImages(), empty.Index)
	require.NoError(t, err)

	_, err = s.scale(t.Context(), s.cluster(t), ScaleOptions{Selection: s.selection(), WorkerNodes: ptr.To(0), Pool: "big"}, s.report)
	require.ErrorContains(t, err, "kubeconfig of the cluster: stat missing", "its controllers were to be installed")
	changed, err := s.planScale(t, ScaleOptions{WorkerNodes: ptr.To(0), Pool: "big"})
	require.NoError(t, err)
	require.Len(t, changed, 1, "nothing was changed before")

	u := &upgrade{Management: s.Management, options: UpgradeOptions{Selection: s.selection()}, report: s.report, key: s.order.plan(t).key}
	_, err = u.run(t.Context())
	require.ErrorContains(t, err, "kubeconfig of the cluster: stat missing")
}

func TestScalingIsRefusedBeforeAnythingIsChanged(t *testing.T) {
	for name, test := range map[string]struct {
		spoil   func(*testing.T, town)
		options ScaleOptions
		refusal string
	}{
		"an even control plane": {nil, ScaleOptions{ControlPlaneNodes: ptr.To(2)}, "etcd needs an odd number"},
		"no pool named":         {nil, ScaleOptions{WorkerNodes: ptr.To(2)}, "several worker pools: big, md-0"},
		"an unknown pool":       {nil, ScaleOptions{WorkerNodes: ptr.To(2), Pool: "small"}, "no worker pool small"},
		"too few addresses": {
			nil, ScaleOptions{WorkerNodes: ptr.To(19), Pool: "big"},
			"hold 20 usable addresses (without gateway, virtual IP, network and broadcast address) for 1 of the control plane, 19 of the worker pool " +
				"demo-big and 1 of the worker pool demo-md-0, which share them: add 1 or more",
		},
		"no host that runs VMs": {
			func(t *testing.T, s town) {
				for _, host := range []string{"host1", "host2", "host3"} {
					require.NoError(t, s.engine.SetHostStatus(host, "maintenance"))
				}
			},
			ScaleOptions{ControlPlaneNodes: ptr.To(3)}, "the cluster cannot be changed with engine",
		},
		"a paused cluster": {
			func(t *testing.T, s town) {
				c := s.cluster(t)
				c.Spec.Paused = ptr.To(true)
				require.NoError(t, s.Client.Update(t.Context(), c))
			},
			ScaleOptions{ControlPlaneNodes: ptr.To(3)}, "is paused",
		},
		"a cluster of a ClusterClass": {
			func(t *testing.T, s town) {
				c := s.cluster(t)
				c.Spec.Topology.ClassRef.Name = "class"
				require.NoError(t, s.Client.Update(t.Context(), c))
			},
			ScaleOptions{ControlPlaneNodes: ptr.To(3)}, "made by a ClusterClass",
		},
		"a cluster without a control plane": {
			func(t *testing.T, s town) {
				c := s.cluster(t)
				c.Status.Initialization.ControlPlaneInitialized = nil
				require.NoError(t, s.Client.Update(t.Context(), c))
			},
			ScaleOptions{ControlPlaneNodes: ptr.To(3)}, "has no control plane yet",
		},
		"more workers in the middle of an upgrade": {
			func(t *testing.T, s town) {
				k := &controlplanev1.KubeadmControlPlane{ObjectMeta: named("ocne", "demo-control-plane")}
				require.True(t, s.exists(t, k))
				k.Spec.Version = "v1.34.5"
				require.NoError(t, s.Client.Update(t.Context(), k))
			},
			ScaleOptions{WorkerNodes: ptr.To(3), Pool: "big"}, "kubeadm joins no new node of another minor release",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTown(t)
			if test.spoil != nil {
				test.spoil(t, s)
			}
			_, err := s.planScale(t, test.options)
			require.ErrorContains(t, err, test.refusal)
		})
	}
}

func TestFewerNodesNeedNothingOfTheEngine(t *testing.T) {
	s := newTown(t)
	s.engine.Stop()
	changed, err := s.planScale(t, ScaleOptions{WorkerNodes: ptr.To(0), Pool: "big"})
	require.NoError(t, err)
	require.Len(t, changed, 1)
}

func TestAnEngineThatIsNotReachedFromHereDoesNotKeepAClusterFromGrowing(t *testing.T) {
	s := newTown(t)
	s.engine.Stop()
	_, err := s.planScale(t, ScaleOptions{ControlPlaneNodes: ptr.To(3)})
	require.NoError(t, err)
	require.Contains(t, s.told.String(), "it was not checked whether the engine has what the machines need")
}

func TestAnUpgradeNeedsTheNameOfAVMTemplate(t *testing.T) {
	s := newTown(t)
	_, err := s.planUpgrade(t, UpgradeOptions{Version: "v1.34.5"})
	require.ErrorContains(t, err, "the control plane, of Kubernetes v1.33.10, is made from VM template ock")
	u, err := s.planUpgrade(t, UpgradeOptions{Version: "v1.34.5", VMTemplate: "ock"})
	require.NoError(t, err, "the same name, said on purpose: the template was made anew")
	for i := range u.rollouts {
		require.True(t, u.rollouts[i].replaces())
		require.False(t, u.rollouts[i].write, "the machine template stays")
	}
	_, err = s.planUpgrade(t, UpgradeOptions{Version: "v1.34.5", VMTemplate: "ock-9"})
	require.ErrorContains(t, err, `"ock-9"`)
}

func TestAnUpgradeNeedsOneMoreAddress(t *testing.T) {
	s := newTown(t)
	s.order.Config.OLVM.WorkerMachine.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.2.190"}
	upgrade := UpgradeOptions{FromFile: true, Version: "v1.34.5", VMTemplate: "ock"}
	_, err := s.planUpgrade(t, upgrade)
	require.ErrorContains(t, err, "hold 1 usable addresses")
	require.ErrorContains(t, err, "1 of the worker pool demo-md-0 and one more while they are replaced")
}

func TestWhatChangesInTheFileReplacesTheMachinesOfItsGroup(t *testing.T) {
	s := newTown(t)
	s.order.Config.OLVM.WorkerPools[0].Machine.VirtualMachine.Memory = "32GB"
	s.order.Config.OLVM.WorkerMachine.VirtualMachine.Network.IPv4.IPAddresses = []string{"192.0.2.161-192.0.2.199"}
	u, err := s.planUpgrade(t, UpgradeOptions{FromFile: true})
	require.NoError(t, err)
	require.Equal(t, "v1.33.10", u.version)
	type result struct{ replaces, write bool }
	got := map[string]result{}
	for i := range u.rollouts {
		r := &u.rollouts[i]
		got[r.name()] = result{r.replaces(), r.write}
	}
	require.Equal(t, map[string]result{
		"demo-control-plane": {false, false},
		"demo-md-0":          {false, true}, // more addresses: written into the template that is there
		"demo-big":           {true, true},
	}, got)

	again, err := s.planUpgrade(t, UpgradeOptions{FromFile: true})
	require.NoError(t, err)
	require.Equal(t, u.rollouts[1].want.Name, again.rollouts[1].want.Name, "one content has one name")
	require.Equal(t, "Cluster", u.rollouts[1].want.OwnerReferences[0].Kind, "it goes with the cluster")
}

func TestStageWritesTemplatesAndNothingElse(t *testing.T) {
	s := newTown(t)
	u, err := s.planUpgrade(t, UpgradeOptions{Version: "v1.34.5", VMTemplate: "ock"})
	require.NoError(t, err)
	u.rollouts[0].want.Spec.Template.Spec.VirtualMachine.Memory = "9GB" // as if the file had said so
	u.rollouts[0].want.Name, u.rollouts[0].write = "demo-control-plane-0a1b2c3d", true
	s.Kubeconfig = "/m"
	staged, err := u.stage(t.Context())
	require.NoError(t, err)
	require.Len(t, staged.Steps, 3)
	require.Equal(t, "kubectl --kubeconfig /m -n ocne patch kubeadmcontrolplanes.controlplane.cluster.x-k8s.io demo-control-plane --type=merge -p "+
		`'{"spec":{"machineTemplate":{"spec":{"infrastructureRef":{"name":"demo-control-plane-0a1b2c3d"}}},"version":"v1.34.5"}}'`,
		staged.Command(staged.Steps[0]))
	require.Equal(t, "kubectl --kubeconfig /m -n ocne patch machinedeployments.cluster.x-k8s.io demo-big --type=merge -p "+
		`'{"spec":{"template":{"spec":{"infrastructureRef":{"name":"demo-big"},"version":"v1.34.5"}}}}'`, staged.Command(staged.Steps[1]))
	require.True(t, s.exists(t, &infrav1.OLVMMachineTemplate{ObjectMeta: named("ocne", "demo-control-plane-0a1b2c3d")}))
	k := &controlplanev1.KubeadmControlPlane{ObjectMeta: named("ocne", "demo-control-plane")}
	require.True(t, s.exists(t, k))
	require.Equal(t, "v1.33.10", k.Spec.Version)
	require.Equal(t, "demo-control-plane", k.Spec.MachineTemplate.Spec.InfrastructureRef.Name)
}

func TestOldMachineTemplatesAreRemovedWhenNothingRefersToThem(t *testing.T) {
	s := newTown(t)
	u, err := s.planUpgrade(t, UpgradeOptions{Version: "v1.34.5", VMTemplate: "ock"})
	require.NoError(t, err)
	template := func(name string) *infrav1.OLVMMachineTemplate {
		m := named("ocne", name)
		m.Labels = map[string]string{clusterv1.ClusterNameLabel: "demo"}
		return &infrav1.OLVMMachineTemplate{ObjectMeta: m}
	}
	users, other := template("demo-md-0-mine"), template("demo-control-plane-0a1b2c3d")
	other.Labels[clusterv1.ClusterNameLabel] = "other"
	other.Namespace = "elsewhere"
	old, used := template("demo-control-plane-0a1b2c3d"), template("demo-md-0-0a1b2c3d")
	set := &clusterv1.MachineSet{ObjectMeta: named("ocne", "demo-md-0-x")}
	set.Labels = map[string]string{clusterv1.ClusterNameLabel: "demo"}
	set.Spec.Template.Spec.InfrastructureRef.Name = used.Name
	for _, obj := range []client.Object{users, other, old, used, set} {
		require.NoError(t, s.Client.Create(t.Context(), obj))
	}
	found, err := s.oldTemplates(t.Context(), u.key, u.rollouts)
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.True(t, slices.ContainsFunc(found, func(o oldTemplate) bool { return o.object.Name == used.Name && o.used }))

	require.NoError(t, s.Client.Delete(t.Context(), set))
	require.NoError(t, s.removeOldTemplates(t.Context(), u.key, u.rollouts, s.report))
	require.False(t, s.exists(t, old))
	require.False(t, s.exists(t, used))
	for _, kept := range []client.Object{users, other, template("demo-control-plane"), template("demo-md-0"), template("demo-big")} {
		require.True(t, s.exists(t, kept), kept.GetName())
	}
}

func TestStartTakesTheTemplatesOfAnUpgradeAsTheyAre(t *testing.T) {
	s := newTown(t)
	k := &controlplanev1.KubeadmControlPlane{ObjectMeta: named("ocne", "demo-control-plane")}
	require.True(t, s.exists(t, k))
	upgraded := &infrav1.OLVMMachineTemplate{ObjectMeta: named("ocne", "demo-control-plane")}
	require.True(t, s.exists(t, upgraded))
	upgraded.ObjectMeta = named("ocne", "demo-control-plane-0a1b2c3d")
	upgraded.Spec.Template.Spec.VMTemplateName = "ock-2"
	require.NoError(t, s.Client.Create(t.Context(), upgraded))
	k.Spec.MachineTemplate.Spec.InfrastructureRef.Name = upgraded.Name
	require.NoError(t, s.Client.Update(t.Context(), k))

	p := s.order.plan(t)
	require.ErrorContains(t, s.checkExisting(t.Context(), p),
		"were made from other values than the configuration has now (template demo-control-plane-0a1b2c3d)")
	s.order.Config.OLVM.ControlPlaneMachine.VMTemplateName = "ock-2"
	p = s.order.plan(t)
	require.NoError(t, s.checkExisting(t.Context(), p))
	require.Equal(t, "demo-control-plane-0a1b2c3d", p.objects[2].(*controlplanev1.KubeadmControlPlane).Spec.MachineTemplate.Spec.InfrastructureRef.Name)

	s.order.Config.KubernetesVersion = "v1.34.5"
	require.ErrorContains(t, s.checkExisting(t.Context(), s.order.plan(t)),
		"its control plane is of Kubernetes v1.33.10, and the configuration says v1.34.5")
}

func TestANodeOfAnotherReleaseThanItsVersionEndsAnUpgrade(t *testing.T) {
	s := running()
	s.machines[0].Spec.Version, s.machines[1].Spec.Version = "v1.34.5", "v1.33.10"
	s.infraMachines[0].Spec.VMTemplateName = "ock-2"
	site := newSite(t)
	s.infraMachines[0].Annotations = map[string]string{clusterv1.TemplateClonedFromNameAnnotation: "new"}
	wanted := &infrav1.OLVMMachineTemplate{ObjectMeta: named("olvm", "new")}
	u := &upgrade{version: "v1.34.5", rollouts: []rollout{{want: wanted}}}
	u.releases = releases{report: site.report, concerns: u.wants}
	s.nodes[0].Status.NodeInfo.KubeletVersion = "v1.34.5+1.el9"
	require.Empty(t, u.releases.others(&s.snapshot))
	s.nodes[0].Status.NodeInfo.KubeletVersion = "v1.34.4"
	require.Empty(t, u.releases.others(&s.snapshot))
	require.Empty(t, u.releases.others(&s.snapshot))
	require.Equal(t, "[    0s] Warning: VM template ock-2 holds Kubernetes v1.34.4, and not v1.34.5\n", site.told.String(), "told once")
	s.nodes[0].Status.NodeInfo.KubeletVersion = "v1.33.10"
	found := u.releases.others(&s.snapshot)
	require.Len(t, found, 1)
	require.Equal(t, "its VM template ock-2 holds Kubernetes v1.33.10, and not v1.34.5", found[0].Message)
	wanted.Name = "newer"
	require.Empty(t, u.releases.others(&s.snapshot), "it is being replaced")
}

func TestAGroupIsUpWhenItsOwnMachinesAre(t *testing.T) {
	s := running()
	s.workers[0].Name = "demo-md-0"
	s.machines[1].Labels = map[string]string{clusterv1.MachineDeploymentNameLabel: "demo-md-0"}
	controlPlane := machineGroup{object: s.controlPlane, controlPlane: true}
	workers := machineGroup{object: &s.workers[0]}
	goal := s.intended()
	require.True(t, controlPlane.isUp(&s.snapshot, goal))
	require.True(t, workers.isUp(&s.snapshot, goal))
	s.nodes[1].Status.Conditions[0].Status = corev1.ConditionFalse
	require.True(t, controlPlane.isUp(&s.snapshot, goal), "workers are none of its business")
	require.False(t, workers.isUp(&s.snapshot, goal))
	s.machines[0].DeletionTimestamp = ptr.To(metav1.Now())
	require.False(t, controlPlane.isUp(&s.snapshot, goal))
	s = running()
	s.nodesErr = errors.New("timeout")
	require.False(t, controlPlane.isUp(&s.snapshot, goal), "nobody knows")
}

func TestARolloutIsCompleteWhenItsMachinesAreNew(t *testing.T) {
	s := running()
	r := rollout{
		machineGroup: machineGroup{object: s.controlPlane, controlPlane: true}, to: "v1.34.5",
		want: &infrav1.OLVMMachineTemplate{ObjectMeta: named("olvm", "new")},
	}
	goal := s.intended()
	made := func(version, template string) {
		s.machines[0].Spec.Version = version
		s.infraMachines[0].Annotations = map[string]string{clusterv1.TemplateClonedFromNameAnnotation: template}
	}
	made("v1.33.10", "new")
	require.False(t, r.complete(&s.snapshot, goal), "of the old version")
	made("v1.34.5", "old")
	require.False(t, r.complete(&s.snapshot, goal), "from the old template")
	made("v1.34.5", "new")
	require.True(t, r.complete(&s.snapshot, goal), "the worker is none of its business")
	s.nodes[0].Status.Conditions[0].Status = corev1.ConditionFalse
	require.False(t, r.complete(&s.snapshot, goal), "not Ready")
}

func TestEveryWorkerPoolIsShown(t *testing.T) {
	s := running()
	s.workers[0].Name = "demo-md-0"
	goal := target{controlPlane: 1, pools: map[string]int32{"demo-md-0": 1, "demo-big": 2}, version: "v1.34.5"}
	items := goal.workerItems(&s.snapshot)
	require.Equal(t, "workers demo-big", items[0].Name)
	require.Equal(t, "0 of 2 ready", items[0].State)
	require.Equal(t, "1 of 1 ready", items[1].State, "it has not begun")
	s.workers[0].Spec.Template.Spec.Version = "v1.34.5"
	require.Equal(t, "1 of 1 ready, 1 upgraded to v1.34.5", goal.workerItems(&s.snapshot)[1].State)
	s.workers[0].Generation = 2
	require.Equal(t, "1 of 1 ready, upgrade to v1.34.5 begins", goal.workerItems(&s.snapshot)[1].State)
	require.False(t, goal.reached(&s.snapshot), "a pool is missing")
}
