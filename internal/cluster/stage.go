package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// Staged is an upgrade that is prepared: its machine templates exist, and nothing is replaced yet.
type Staged struct {
	// Name and Namespace of the cluster.
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Version that the machines get.
	Version string `json:"version"`
	// ManagementKubeconfig is the path for kubectl's --kubeconfig; empty when $KUBECONFIG holds it.
	ManagementKubeconfig string `json:"managementKubeconfig"`
	// Steps in the order in which they are to be taken: each when the one before is complete.
	Steps []StagedStep `json:"steps"`
}

// StagedStep is one group of machines to be replaced.
type StagedStep struct {
	// Group is the KubeadmControlPlane or MachineDeployment.
	Group string `json:"group"`
	// Resource is its type for kubectl.
	Resource string `json:"resource"`
	// MachineTemplate and VMTemplate are what its machines are to be made from.
	MachineTemplate string `json:"machineTemplate"`
	VMTemplate      string `json:"vmTemplate"`
	// Patch is a JSON merge patch of the group.
	Patch string `json:"patch"`
}

// Stage makes all checks of an upgrade and the machine templates for it, and says which changes make Cluster API replace the machines. Of
// the options, NodeStartupTimeout has no meaning. Upgrade uses what was staged.
func Stage(ctx context.Context, o UpgradeOptions, report progress.Reporter) (*Staged, error) {
	m, u, err := o.prepare(ctx, report)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	staged, err := u.stage(ctx)
	m.backUpAfter(ctx, o.Config.Backup, report)
	return staged, errors.Join(err, m.Close())
}

func (u *upgrade) stage(ctx context.Context) (*Staged, error) {
	staged := &Staged{
		Name: u.key.Name, Namespace: u.key.Namespace, Version: u.version, ManagementKubeconfig: u.Kubeconfig, Steps: []StagedStep{},
	}
	done := nothing
	for i := range u.rollouts {
		r := &u.rollouts[i]
		if err := u.applyTemplate(ctx, r, u.report); err != nil {
			return nil, unfinished(ctx, err, done, nil)
		}
		done = begun
		if !r.replaces() {
			u.report.Step(fmt.Sprintf("The %s is what it shall be", r.title))
			continue
		}
		resource := "machinedeployments.cluster.x-k8s.io"
		if r.controlPlane {
			resource = "kubeadmcontrolplanes.controlplane.cluster.x-k8s.io"
		}
		staged.Steps = append(staged.Steps, StagedStep{
			Group: r.name(), Resource: resource, MachineTemplate: r.want.Name, VMTemplate: vmTemplateOf(r.want.Spec.Template.Spec), Patch: string(r.patch()),
		})
	}
	return staged, nil
}

// Command is the step as a command line.
func (s *Staged) Command(step StagedStep) string {
	words := []string{"kubectl"}
	if s.ManagementKubeconfig != "" {
		words = append(words, "--kubeconfig", s.ManagementKubeconfig)
	}
	words = append(words, "-n", s.Namespace, "patch", step.Resource, step.Group, "--type=merge", "-p", "'"+step.Patch+"'")
	return strings.Join(words, " ")
}
