package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/utils/ptr"
	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/boot"
	"github.com/ocne-project/ocne/internal/config"
)

// machineGroup is the control plane, or a worker pool, of a cluster that exists.
type machineGroup struct {
	// object is the KubeadmControlPlane or the MachineDeployment.
	object client.Object
	// title for people, such as "worker pool demo-md-0".
	title        string
	controlPlane bool
	version      string
	replicas     int32
	// failureDomain that a worker pool names.
	failureDomain string
	// template is what its machines are made from.
	template *infrav1.OLVMMachineTemplate
	// format of their bootstrap data: ignition or cloud-config.
	format string
}

func (g *machineGroup) name() string { return g.object.GetName() }

// of says whether a machine belongs to the group.
func (g *machineGroup) of(m *clusterv1.Machine) bool {
	if g.controlPlane || isControlPlane(m) {
		return g.controlPlane && isControlPlane(m)
	}
	return m.Labels[clusterv1.MachineDeploymentNameLabel] == g.name()
}

// changeable refuses to change a cluster whose objects are not what decides, or that is not there yet.
func (s *snapshot) changeable() error {
	c := s.cluster
	switch {
	case c == nil:
		return errors.New("the cluster has just been removed")
	case !c.DeletionTimestamp.IsZero():
		return fmt.Errorf("cluster %s %w", c.Name, ErrBeingDeleted)
	case provider(c) != config.ProviderOLVM:
		return fmt.Errorf("cluster %s belongs to another provider (%s), so ocne does not change it", fullName(c), c.Spec.InfrastructureRef.Kind)
	case moving(c):
		return inPart(c)
	case c.Spec.Topology.IsDefined():
		return &AdvisedError{
			Err:    fmt.Errorf("cluster %s is made by a ClusterClass, which would undo the change", fullName(c)),
			Advice: "Nothing was changed. Change spec.topology of the Cluster object instead.",
		}
	case ptr.Deref(c.Spec.Paused, false):
		return &AdvisedError{
			Err: fmt.Errorf("cluster %s is paused, so no controller would act", fullName(c)),
			Advice: "Nothing was changed. If nobody moves the cluster to another management cluster at present, set spec.paused of the Cluster\n" +
				"object to false.",
		}
	case s.controlPlane == nil || !s.controlPlaneInitialized():
		return &AdvisedError{
			Err:    fmt.Errorf("cluster %s has no control plane yet", fullName(c)),
			Advice: "Nothing was changed. See how far it is, or let 'ocne cluster start' wait for it:\n  ocne cluster info -C " + c.Name,
		}
	}
	return nil
}

// groups reads the control plane and every worker pool, with their machine templates.
func (m *Management) groups(ctx context.Context, s *snapshot) ([]machineGroup, error) {
	k := s.controlPlane
	var err error
	groups := []machineGroup{{
		object: k, title: "control plane", controlPlane: true, version: k.Spec.Version, replicas: ptr.Deref(k.Spec.Replicas, 0),
	}}
	refs := []clusterv1.ContractVersionedObjectReference{k.Spec.MachineTemplate.Spec.InfrastructureRef}
	for i := range s.workers {
		w := &s.workers[i]
		groups = append(groups, machineGroup{
			object: w, title: "worker pool " + w.Name, version: w.Spec.Template.Spec.Version, replicas: ptr.Deref(w.Spec.Replicas, 0),
			failureDomain: w.Spec.Template.Spec.FailureDomain,
		})
		refs = append(refs, w.Spec.Template.Spec.InfrastructureRef)
	}
	for i := range groups {
		g := &groups[i]
		if refs[i].Kind != "OLVMMachineTemplate" {
			return nil, fmt.Errorf("the %s makes its machines from a %s, so ocne does not change it", g.title, refs[i].Kind)
		}
		g.template = &infrav1.OLVMMachineTemplate{}
		key := client.ObjectKey{Namespace: g.object.GetNamespace(), Name: refs[i].Name}
		if err := m.Client.Get(ctx, key, g.template); err != nil {
			return nil, fmt.Errorf("read OLVMMachineTemplate %s of the %s: %w", key, g.title, err)
		}
		if g.format, err = m.formatOf(ctx, g); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// formatOf is the format of the bootstrap data of a group's machines; Cluster API's default is cloud-config.
func (m *Management) formatOf(ctx context.Context, g *machineGroup) (string, error) {
	switch object := g.object.(type) {
	case *controlplanev1.KubeadmControlPlane:
		return boot.FormatOf(string(object.Spec.KubeadmConfigSpec.Format)), nil
	case *clusterv1.MachineDeployment:
		ref := object.Spec.Template.Spec.Bootstrap.ConfigRef
		if ref.Kind != "KubeadmConfigTemplate" {
			break
		}
		config := &bootstrapv1.KubeadmConfigTemplate{}
		key := client.ObjectKey{Namespace: object.Namespace, Name: ref.Name}
		if err := m.Client.Get(ctx, key, config); err != nil {
			return "", fmt.Errorf("read KubeadmConfigTemplate %s of the %s: %w", key, g.title, err)
		}
		return boot.FormatOf(string(config.Spec.Template.Spec.Format)), nil
	}
	return boot.FormatIgnition, nil // of another provider, nobody knows
}

// findPool finds a worker pool by its own name, such as md-0, or by that of its MachineDeployment. Without a name there must be only one.
func findPool(groups []machineGroup, cluster, name string) (*machineGroup, error) {
	var names []string
	var pools []*machineGroup
	for i := range groups {
		g := &groups[i]
		if g.controlPlane {
			continue
		}
		short := strings.TrimPrefix(g.name(), cluster+"-")
		if name != "" && (name == short || name == g.name()) {
			return g, nil
		}
		names, pools = append(names, short), append(pools, g)
	}
	switch {
	case len(pools) == 0:
		return nil, fmt.Errorf("cluster %s has no worker pool", cluster)
	case name == "" && len(pools) == 1:
		return pools[0], nil
	case name == "":
		return nil, &AdvisedError{
			Err:    fmt.Errorf("cluster %s has several worker pools: %s", cluster, strings.Join(names, ", ")),
			Advice: "Nothing was changed. Say which one: --pool " + names[0],
		}
	}
	return nil, &AdvisedError{
		Err: fmt.Errorf("cluster %s has no worker pool %s", cluster, name),
		Advice: "Nothing was changed. Its worker pools are " + strings.Join(names, ", ") +
			". Another one is made by providers.olvm.workerPools\nand 'ocne cluster start'.",
	}
}

// isUp says whether every machine of the group is up to date and runs a Ready node.
func (g *machineGroup) isUp(s *snapshot, t target) bool {
	if s.nodesErr != nil || g.controlPlane && !t.controlPlaneReached(s) || !g.controlPlane && !t.poolReached(s, g.name()) {
		return false
	}
	for i := range s.machines {
		if m := &s.machines[i]; g.of(m) && (!machineReached(m) || !s.hasReadyNode(m)) {
			return false
		}
	}
	return true
}
