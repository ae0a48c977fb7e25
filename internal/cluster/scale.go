package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/config"
)

// ScaleOptions say how many nodes a cluster shall have.
type ScaleOptions struct {
	Selection
	// ControlPlaneNodes is 1, 3, 5 or 7; nil leaves the control plane as it is.
	ControlPlaneNodes *int
	// WorkerNodes of the pool; nil leaves the workers as they are.
	WorkerNodes *int
	// Pool is the worker pool; empty when the cluster has only one.
	Pool string
	// NodeStartupTimeout is how long a VM may run before its node is Ready; 0 means DefaultNodeStartupTimeout.
	NodeStartupTimeout time.Duration
	// SkipPreflight are names of checks of the engine whose findings are left out, or "all".
	SkipPreflight []string
}

// Scale changes the numbers of a cluster's nodes and waits until they are reached. It may be interrupted and called again; the error is an
// *UnfinishedError then.
func Scale(ctx context.Context, o ScaleOptions, report progress.Reporter) (*Details, error) {
	m, found, err := o.open(ctx, report)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	report.Step("Management cluster: " + m.Description)
	d, err := m.scale(ctx, found, o, report)
	m.backUpAfter(ctx, o.Config.Backup, report)
	return d, errors.Join(err, m.Close())
}

func (m *Management) scale(ctx context.Context, found *clusterv1.Cluster, o ScaleOptions, report progress.Reporter) (*Details, error) {
	key := client.ObjectKeyFromObject(found)
	s, err := observe(ctx, m.Client, key)
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	wanted, changed, err := m.planScale(ctx, s, o, report)
	if err == nil {
		err = o.Management.refresh(ctx, m, report)
	}
	if err != nil {
		return nil, unfinished(ctx, err, nothing, nil)
	}
	t := target{pools: map[string]int32{}}
	for i := range wanted {
		if g := &wanted[i]; g.controlPlane {
			t.controlPlane = g.replicas
		} else {
			t.pools[g.name()] = g.replicas
		}
	}
	for n, g := range changed {
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, g.replicas))
		if err := m.Client.Patch(ctx, g.object, patch, fieldOwner); err != nil {
			return nil, unfinished(ctx, fmt.Errorf("scale the %s of cluster %s: %w", g.title, key, err), begunWith(n), nil)
		}
		report.Step(fmt.Sprintf("The %s of cluster %s shall have %d nodes", g.title, key.Name, g.replicas))
	}
	last, err := m.await(ctx, awaited{
		key: key, title: "Scaling cluster " + key.Name, target: t, reached: t.reached, nodeStartup: o.NodeStartupTimeout,
	}, report)
	if err != nil {
		return nil, err
	}
	report.Step(fmt.Sprintf("Cluster %s has the nodes that it shall have", key.Name))
	return m.details(ctx, last, o.Config.KubeconfigPath())
}

// begunWith is how far a command got that has written n objects.
func begunWith(n int) extent {
	if n > 0 {
		return begun
	}
	return nothing
}

// planScale returns all groups with the numbers that they shall have, and those of them that change.
func (m *Management) planScale(
	ctx context.Context, s *snapshot, o ScaleOptions, report progress.Reporter,
) (wanted, changed []machineGroup, err error) {
	if err := s.changeable(); err != nil {
		return nil, nil, err
	}
	before, err := m.groups(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	wanted = slices.Clone(before)
	if err := o.setNodes(wanted, s.cluster.Name); err != nil {
		return nil, nil, err
	}
	total, more := 0, false
	for i := range wanted {
		g := &wanted[i]
		total += int(g.replicas)
		switch {
		case g.replicas == before[i].replicas:
		case g.replicas > before[i].replicas && !g.controlPlane && minorOf(g.version) != minorOf(wanted[0].version):
			return nil, nil, &AdvisedError{
				Err: fmt.Errorf("the %s is of Kubernetes %s and the control plane of %s: kubeadm joins no new node of another minor release",
					g.title, g.version, wanted[0].version),
				Advice: "Nothing was changed. Finish the upgrade first: ocne cluster upgrade",
			}
		default:
			more = more || g.replicas > before[i].replicas
			changed = append(changed, *g)
		}
	}
	if !more {
		return wanted, changed, nil
	}
	if err := config.CheckPodSubnets(s.cluster.Spec.ClusterNetwork.Pods.CIDRBlocks, total); err != nil {
		return nil, nil, &AdvisedError{
			Err: err, Advice: "Nothing was changed. The pod subnets of a cluster cannot change: make a new cluster with a larger one.",
		}
	}
	r := reserves{Management: m, s: s, groups: wanted, skip: o.SkipPreflight, report: report}
	if err := r.addresses(nil); err != nil {
		return nil, nil, err
	}
	return wanted, changed, r.engine(ctx)
}

// setNodes writes the numbers that are asked for into the groups.
func (o ScaleOptions) setNodes(groups []machineGroup, cluster string) error {
	if n := o.ControlPlaneNodes; n != nil {
		if err := config.CheckControlPlaneNodes(*n); err != nil {
			return fmt.Errorf("the number of control plane nodes %w", err)
		}
		groups[0].replicas = int32(*n) // in range, as just checked
	}
	if n := o.WorkerNodes; n != nil {
		if err := config.CheckWorkerNodes(*n); err != nil {
			return fmt.Errorf("the number of worker nodes %w", err)
		}
		pool, err := findPool(groups, cluster, o.Pool)
		if err != nil {
			return err
		}
		pool.replicas = int32(*n) // in range, as just checked
	}
	return nil
}
