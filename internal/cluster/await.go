package cluster

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/addon"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

// awaited is what a command waits for.
type awaited struct {
	key   client.ObjectKey
	title string
	// target is what is shown; reached says when the wait is over.
	target  target
	reached func(*snapshot) bool
	// check finds more that does not pass by itself; it may be nil.
	check func(*snapshot) []Problem
	// kubeconfig is the file that the cluster's kubeconfig is written to; empty when it is not to be written.
	kubeconfig string
	// nodeStartup is how long a VM may run before its node is Ready; 0 means DefaultNodeStartupTimeout.
	nodeStartup time.Duration
	// addons are installed as soon as the cluster's API answers.
	addons []addon.Addon
}

// await waits until the cluster is what it shall be, or does not become it by itself, and returns what was seen last.
func (m *Management) await(ctx context.Context, a awaited, report progress.Reporter) (*snapshot, error) {
	w := workload.New(a.kubeconfig, a.addons)
	dog := newWatchdog(a.nodeStartup, time.Now)
	var last *snapshot
	var waiting []progress.Item
	err := m.watch(ctx, a.key, report, func(s *snapshot) (bool, error) {
		if s.cluster == nil {
			return false, fmt.Errorf("cluster %s was deleted while it was waited for", a.key)
		}
		if err := m.observeNodes(ctx, a.key, w, s, report); err != nil {
			return false, err
		}
		last, waiting = s, a.target.view(s)
		report.Show(a.title, waiting)
		if a.reached(s) {
			return true, nil
		}
		var lasting []Problem
		if a.check != nil {
			lasting = a.check(s)
		}
		if len(lasting) == 0 {
			lasting = dog.check(s)
		}
		if len(lasting) == 0 {
			lasting = dog.still(waiting)
		}
		if len(lasting) > 0 {
			return false, &StuckError{
				Name: a.key.Name, Namespace: a.key.Namespace, Management: m.Description, Problems: lasting, VMs: s.vmsInEngine(),
			}
		}
		return false, nil
	})
	report.Close()
	return last, unfinished(ctx, err, complete, waiting)
}
