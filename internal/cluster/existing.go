package cluster

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// checkExisting refuses what cannot be made of the cluster that is there already, before anything is changed.
func (m *Management) checkExisting(ctx context.Context, p *plan) error {
	existing := &clusterv1.Cluster{}
	switch err := m.Client.Get(ctx, p.key, existing); {
	case client.IgnoreNotFound(err) != nil:
		return fmt.Errorf("read cluster %s: %w", p.key, err)
	case err == nil && !existing.DeletionTimestamp.IsZero():
		return fmt.Errorf("cluster %s %w", p.key.Name, ErrBeingDeleted)
	case err == nil && moving(existing):
		return inPart(existing)
	case err != nil && len(p.inEngine) > 0:
		return &AdvisedError{
			Err: fmt.Errorf("the engine holds VMs of a cluster %s that this management cluster (%s) does not know: %s",
				p.key, m.Description, strings.Join(p.inEngine, ", ")),
			Advice: "Nothing was changed. If another management cluster manages them, give it with --kubeconfig, or choose another name.\n" +
				"If that one is gone for good, remove these VMs in the engine first.",
		}
	}
	if err := m.adoptTemplates(ctx, p); err != nil {
		return err
	}
	for _, obj := range p.objects {
		if want, ok := obj.(*infrav1.OLVMMachineTemplate); ok {
			if err := m.checkTemplate(ctx, p.key.Name, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkTemplate: Cluster API replaces machines only for a template of another name, so a change would silently be left out. Pools are
// looked up in the template when a machine takes an address, so they may change.
func (m *Management) checkTemplate(ctx context.Context, cluster string, want *infrav1.OLVMMachineTemplate) error {
	have := &infrav1.OLVMMachineTemplate{}
	err := m.Client.Get(ctx, client.ObjectKeyFromObject(want), have)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read OLVMMachineTemplate %s: %w", client.ObjectKeyFromObject(want), err)
	}
	if equality.Semantic.DeepEqual(withPoolsOf(want, have).Spec, want.Spec) {
		return nil
	}
	return &AdvisedError{
		Err: fmt.Errorf("the machines of cluster %s were made from other values than the configuration has now (template %s)",
			cluster, want.Name),
		Advice: "Nothing was changed. To replace the machines, one after the other, by ones of the configuration's values:\n" +
			"  ocne cluster upgrade -c FILE\n" +
			"Or put the old values back. Only ipAddresses may change without that: machines that are made later take their addresses from\n" +
			"the new ranges. A cluster whose control plane has never come up is deleted and started again.",
	}
}

// adoptTemplates lets the plan refer to the machine templates that the groups have now, because an upgrade makes templates under names of
// their own. It refuses another Kubernetes version: the control plane has to be upgraded before the workers.
func (m *Management) adoptTemplates(ctx context.Context, p *plan) error {
	for _, obj := range p.objects {
		switch want := obj.(type) {
		case *controlplanev1.KubeadmControlPlane:
			have := &controlplanev1.KubeadmControlPlane{}
			if found, err := m.look(ctx, want, have); err != nil || !found {
				return err // without a control plane nothing of the cluster has been made
			}
			if have.Spec.Version != want.Spec.Version {
				return otherVersion(p.key.Name, "its control plane", have.Spec.Version, want.Spec.Version)
			}
			p.adopt(&want.Spec.MachineTemplate.Spec.InfrastructureRef, have.Spec.MachineTemplate.Spec.InfrastructureRef)
		case *clusterv1.MachineDeployment:
			have := &clusterv1.MachineDeployment{}
			found, err := m.look(ctx, want, have)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if now := have.Spec.Template.Spec.Version; now != want.Spec.Template.Spec.Version {
				return otherVersion(p.key.Name, "its worker pool "+have.Name, now, want.Spec.Template.Spec.Version)
			}
			p.adopt(&want.Spec.Template.Spec.InfrastructureRef, have.Spec.Template.Spec.InfrastructureRef)
		}
	}
	return nil
}

func (m *Management) look(ctx context.Context, want, have client.Object) (found bool, err error) {
	key := client.ObjectKeyFromObject(want)
	err = m.Client.Get(ctx, key, have)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read %s %s: %w", want.GetObjectKind().GroupVersionKind().Kind, key, err)
	}
	return err == nil, nil
}

func (p *plan) adopt(want *clusterv1.ContractVersionedObjectReference, have clusterv1.ContractVersionedObjectReference) {
	if have.Kind != want.Kind || have.Name == want.Name {
		return
	}
	for _, obj := range p.objects {
		if t, ok := obj.(*infrav1.OLVMMachineTemplate); ok && t.Name == want.Name {
			t.Name = have.Name
		}
	}
	want.Name = have.Name
}

func otherVersion(cluster, what, have, want string) error {
	return &AdvisedError{
		Err: fmt.Errorf("cluster %s: %s is of Kubernetes %s, and the configuration says %s", cluster, what, have, want),
		Advice: fmt.Sprintf("Nothing was changed. To upgrade the cluster, or to go on with an upgrade:\n  ocne cluster upgrade -c FILE\n"+
			"If it has been upgraded, write its version and its VM template into the configuration, such as kubernetesVersion: %s",
			strings.TrimPrefix(have, "v")),
	}
}
