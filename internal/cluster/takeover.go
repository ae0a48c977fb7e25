package cluster

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
)

// takeOverTimeout bounds the wait for the controllers to have seen everything again.
const takeOverTimeout = 5 * time.Minute

// takeOver is a cluster that another management cluster holds from now on, by a restore or by a move. Objects come there without their status, which
// its controllers find out again.
type takeOver struct {
	key client.ObjectKey
	// initialized says that the cluster had a control plane.
	initialized bool
	// machines are the names of those that had a node.
	machines []string
}

// tookOver is the one place that clusters pass when another management cluster has taken them over. It remembers that for the user whose home
// directory is given, and waits until the controllers have seen again what there was. It only tells when they do not: they go on.
func (m *Management) tookOver(ctx context.Context, home string, clusters []takeOver, report progress.Reporter) error {
	mem := &memory{file: record.Of(home)}
	for _, t := range clusters {
		mem.moved(ctx, t.key, m, report)
		report.Step(fmt.Sprintf("Cluster %s (namespace %s) is managed by %s", t.key.Name, t.key.Namespace, m.Description))
	}
	defer report.Close()
	deadline := time.Now().Add(takeOverTimeout)
	for _, t := range clusters {
		err := m.watch(ctx, t.key, report, func(s *snapshot) (bool, error) {
			missing := t.missing(s)
			if len(missing) == 0 {
				return true, nil
			}
			report.Show("Taking over cluster "+t.key.Name, missing)
			if time.Now().After(deadline) {
				report.Warn(fmt.Sprintf("Cluster %s: not everything of it is seen again after %s: %s. See what it waits for: ocne cluster info -C %s",
					t.key.Name, takeOverTimeout, missing[0].Name+" "+missing[0].State, t.key.Name))
				return true, nil
			}
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// missing is what the controllers have not seen again.
func (t takeOver) missing(s *snapshot) []progress.Item {
	var list []progress.Item
	if s.cluster == nil {
		return nil // it was being deleted
	}
	if t.initialized && !s.controlPlaneInitialized() {
		list = append(list, progress.Item{Name: "control plane", State: "not seen yet"})
	}
	for _, name := range t.machines {
		for i := range s.machines {
			if m := &s.machines[i]; m.Name == name && m.DeletionTimestamp.IsZero() && !m.Status.NodeRef.IsDefined() {
				list = append(list, progress.Item{Name: "machine " + name, State: "its node is not seen yet"})
			}
		}
	}
	return list
}
