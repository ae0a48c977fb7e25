package guest

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	inmemorycache "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// deletions remembers the version of the last deletion of each kind. The store keeps no history, so a client that
// resumes a watch from before that version would never learn of the deletion.
type deletions struct {
	cache inmemorycache.Cache
	group string

	// following is another lock than mu, because the store calls record while it holds a lock that follow needs.
	following sync.Mutex
	recorders map[schema.GroupVersionKind]*deletionRecorder

	mu   sync.Mutex
	last map[schema.GroupVersionKind]uint64
}

func newDeletions(cache inmemorycache.Cache, group string) *deletions {
	return &deletions{
		cache: cache, group: group,
		recorders: map[schema.GroupVersionKind]*deletionRecorder{}, last: map[schema.GroupVersionKind]uint64{},
	}
}

// follow begins to record a kind. It is called before the kind is listed for the first time.
func (d *deletions) follow(ctx context.Context, gvk schema.GroupVersionKind) {
	d.following.Lock()
	defer d.following.Unlock()
	if d.recorders[gvk] != nil {
		return
	}
	r := &deletionRecorder{d, gvk}
	if informer, err := d.cache.GetInformerForKind(ctx, gvk); err == nil && informer.AddEventHandler(r) == nil {
		d.recorders[gvk] = r
	}
}

// close ends the recording.
func (d *deletions) close(ctx context.Context) {
	d.following.Lock()
	defer d.following.Unlock()
	for gvk, r := range d.recorders {
		if informer, err := d.cache.GetInformerForKind(ctx, gvk); err == nil {
			_ = informer.RemoveEventHandler(r)
		}
	}
}

// since tells whether an object was deleted after a version.
func (d *deletions) since(gvk schema.GroupVersionKind, version uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last[gvk] > version
}

func (d *deletions) record(gvk schema.GroupVersionKind, group string, o client.Object) {
	if group != d.group || len(o.GetFinalizers()) > 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last[gvk] = max(d.last[gvk], parseVersion(o.GetResourceVersion()))
}

type deletionRecorder struct {
	d   *deletions
	gvk schema.GroupVersionKind
}

func (r *deletionRecorder) OnCreate(string, client.Object)         {}
func (r *deletionRecorder) OnGeneric(string, client.Object)        {}
func (r *deletionRecorder) OnDelete(group string, o client.Object) { r.d.record(r.gvk, group, o) }

// OnUpdate sees an object that was marked for deletion lose its last finalizer.
func (r *deletionRecorder) OnUpdate(group string, _, o client.Object) {
	if o.GetDeletionTimestamp() != nil {
		r.d.record(r.gvk, group, o)
	}
}
