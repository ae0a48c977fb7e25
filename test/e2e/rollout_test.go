package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// writer is a client of a cluster that writes at a steady pace, as applications do: over connections that it keeps as long as they work.
type writer struct {
	c    kubernetes.Interface
	stop func()

	mu           sync.Mutex
	tried        int
	acknowledged []acknowledgement
	failures     []string
}

type acknowledgement struct {
	name string
	at   time.Time
}

const writerLabel = "written-by"

// startWriter writes a ConfigMap every 200 ms through the virtual IP.
func (w *world) startWriter(t *testing.T, s site, name string) *writer {
	t.Helper()
	c, transport := w.own(s, false)
	ctx, cancel := context.WithCancel(t.Context())
	r := &writer{c: c}
	var running sync.WaitGroup
	running.Go(func() {
		for tick := time.NewTicker(200 * time.Millisecond); ctx.Err() == nil; {
			if err := r.write(ctx, name); err != nil {
				transport.CloseIdleConnections() // as clients do that do not trust a connection any more
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
			}
		}
	})
	r.stop = func() {
		cancel()
		running.Wait()
		transport.CloseIdleConnections()
	}
	t.Cleanup(r.stop)
	return r
}

func (r *writer) write(ctx context.Context, by string) error {
	limited, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r.tried++
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%06d", by, r.tried), Labels: map[string]string{writerLabel: by},
	}}
	_, err := r.c.CoreV1().ConfigMaps("default").Create(limited, object, metav1.CreateOptions{})
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.acknowledged = append(r.acknowledged, acknowledgement{object.Name, time.Now()})
	case ctx.Err() == nil:
		r.failures = append(r.failures, time.Now().Format(time.TimeOnly)+" "+err.Error())
	}
	return err
}

// expectAllThere reads back whatever was acknowledged.
func (r *writer) expectAllThere(t *testing.T, by string) {
	t.Helper()
	r.stop()
	list, err := r.c.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{LabelSelector: writerLabel + "=" + by})
	require.NoError(t, err)
	there := map[string]bool{}
	for _, object := range list.Items {
		there[object.Name] = true
	}
	var lost []string
	var gap time.Duration
	for i, a := range r.acknowledged {
		if !there[a.name] {
			lost = append(lost, a.name)
		}
		if i > 0 {
			gap = max(gap, a.at.Sub(r.acknowledged[i-1].at))
		}
	}
	t.Logf("%d writes, %d acknowledged, %d failed, %d lost; the longest time without an acknowledged write: %.1f s\n%v",
		r.tried, len(r.acknowledged), len(r.failures), len(lost), gap.Seconds(), r.failures)
	require.NotEmpty(t, r.acknowledged)
	require.Empty(t, lost, "acknowledged, and lost")
}

// expectScaling adds a worker, replaces one by deleting its Machine, and removes one.
func (w *world) expectScaling(t *testing.T, s site) {
	t.Helper()
	more := s
	more.Workers++
	w.ocne("cluster", "scale", "-C", s.Name, "--worker-nodes", fmt.Sprint(more.Workers))
	w.settle(t, more)
	w.tell(t, "a worker whose Machine is deleted comes back as another one", func(t *testing.T, w *world) {
		begin := time.Now()
		vm := w.worker(t, s)
		machine := &clusterv1.Machine{}
		machine.Namespace, machine.Name = w.machines(s)[0].Namespace, vm.Name
		require.NoError(t, w.management().Delete(t.Context(), machine))
		w.expectGone(t, s, vm)
		w.settle(t, more)
		t.Logf("replaced in %.0f s", time.Since(begin).Seconds())
	})
	w.ocne("cluster", "scale", "-C", s.Name, "--worker-nodes", fmt.Sprint(s.Workers))
	w.settle(t, s)
}

// expectUpgrade upgrades the cluster while a client writes.
func (w *world) expectUpgrade(t *testing.T, s site, version string) {
	t.Helper()
	const by = "upgrade"
	r := w.startWriter(t, s, by)
	w.ocne("cluster", "upgrade", "-C", s.Name, "--version", version, "--vm-template", "node-"+version)
	r.expectAllThere(t, by)
	w.settle(t, s)
	for name, node := range w.nodes(s) {
		require.Equal(t, "v"+version, node.Status.NodeInfo.KubeletVersion, name)
	}
	w.expectMembers(t, s)
	w.expectTemplatesInUse(t, s)
}

// expectTemplatesInUse compares the machine templates that there are with those that machines are made from.
func (w *world) expectTemplatesInUse(t *testing.T, s site) {
	t.Helper()
	templates := &infrav1.OLVMMachineTemplateList{}
	require.NoError(t, w.management().List(t.Context(), templates, client.MatchingLabels{clusterv1.ClusterNameLabel: s.Name}))
	var there, used []string
	for _, template := range templates.Items {
		there = append(there, template.Name)
	}
	for _, vm := range w.sim.Holds(t).VMs {
		if !strings.HasPrefix(vm.Name, s.Name+"-") {
			continue
		}
		m := &infrav1.OLVMMachine{}
		require.NoError(t, w.management().Get(t.Context(), client.ObjectKey{Namespace: templates.Items[0].Namespace, Name: vm.Name}, m))
		used = append(used, m.Annotations[clusterv1.TemplateClonedFromNameAnnotation])
	}
	slices.Sort(there)
	slices.Sort(used)
	require.Equal(t, slices.Compact(used), there)
}
