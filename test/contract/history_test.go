package contract

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// history has every version of the objects of a kind in a namespace, as the API server told them.
type history struct {
	mu       sync.Mutex
	versions []watch.Event
}

// record begins a history, which ends with the test.
func (c *cluster) record(t *testing.T, list client.ObjectList) *history {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w, err := c.Watch(ctx, list, c.inNamespace())
	require.NoError(t, err)
	h, done := &history{}, make(chan struct{})
	go func() {
		defer close(done)
		for event := range w.ResultChan() {
			h.mu.Lock()
			h.versions = append(h.versions, event)
			h.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		w.Stop()
		cancel()
		<-done
	})
	return h
}

// of returns what was seen so far that fits.
func (h *history) of(fits func(watch.Event) bool) (found []client.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, event := range h.versions {
		if event.Type != watch.Error && fits(event) {
			found = append(found, event.Object.(client.Object))
		}
	}
	return found
}

// deletions are the revisions at which objects with a name went, for all names when it is empty. Revisions of all kinds are in one order.
func (h *history) deletions(t *testing.T, name string) (at []int64) {
	t.Helper()
	for _, o := range h.of(func(e watch.Event) bool { return e.Type == watch.Deleted }) {
		if name == "" || o.GetName() == name {
			revision, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
			require.NoError(t, err)
			at = append(at, revision)
		}
	}
	return at
}

func items(t *testing.T, list client.ObjectList) (objects []client.Object) {
	t.Helper()
	extracted, err := meta.ExtractList(list)
	require.NoError(t, err)
	for _, o := range extracted {
		objects = append(objects, o.(client.Object))
	}
	return objects
}

func isTrue(o conditions.Getter, condition string) bool { return conditions.IsTrue(o, condition) }

// shows says whether a condition has a status and a reason.
func shows(o conditions.Getter, condition string, status metav1.ConditionStatus, reason string) bool {
	c := conditions.Get(o, condition)
	return c != nil && c.Status == status && c.Reason == reason
}
