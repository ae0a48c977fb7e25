package olvmmachine

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// maxRefusals is more than any pause needs to reach its ceiling.
const maxRefusals = 16

// refusals counts, by machine, how often in a row the engine refused something in the same way. Its zero value is empty.
type refusals struct {
	mu   sync.Mutex
	rows map[types.UID]row
}

type row struct {
	kind  ovirt.Kind
	count int
}

// count adds a refusal and returns how many there are in a row.
func (r *refusals) count(uid types.UID, kind ovirt.Kind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = map[types.UID]row{}
	}
	current := r.rows[uid]
	if current.kind != kind {
		current = row{kind: kind}
	}
	current.count++
	r.rows[uid] = current
	return current.count
}

// forget ends the row.
func (r *refusals) forget(uid types.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, uid)
}

// wake is when to look at a machine again.
func (r *Reconciler) wake(olvm *infrav1.OLVMMachine, plan machine.Plan) time.Duration {
	if plan.Refusal == "" {
		r.refusals.forget(olvm.UID)
		return plan.Wake
	}
	return machine.Backoff(plan.Refusal, r.refusals.count(olvm.UID, plan.Refusal))
}
