package engine

import (
	"context"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// Power switches what runs inside the VMs. Its methods are called with the engine locked: they must not block and must
// not call the engine.
type Power interface {
	On(Boot)
	// Off is called for VMs that were never on as well.
	Off(vmID string)
	// Removed says that the VM and its disks are gone.
	Removed(vmID string)
}

// Boot is what a VM that is switched on sees.
type Boot struct {
	VMID, Name, OSType, KubernetesVersion string
	// UserData is the config drive's openstack/latest/user_data; nil without a config drive.
	UserData []byte
}

// Engine holds the state. All methods are safe for concurrent use; what they return are copies.
type Engine struct {
	mu       sync.Mutex
	timeline *timeline
	wake     chan struct{}
	power    Power

	dataCenters    []DataCenter
	clusters       []Cluster
	hosts          []Host
	networks       []Network
	profiles       []VNICProfile
	storageDomains []StorageDomain

	templates map[string]*Template
	vms       map[string]*VM
	disks     map[string]*Disk
	// nameLocks holds the names of VMs that are being created: the engine locks the name for the whole command.
	nameLocks map[string]bool
	jobs      jobLog

	users       []User
	roles       []Role
	permissions []Permission

	events   []Event
	eventSeq int
	macSeq   int
}

// New returns an engine that holds inv. Its clock runs timeScale times faster than real time; nothing that takes time
// happens before Run.
func New(inv inventory.Inventory, timeScale float64, power Power) (*Engine, error) {
	e := &Engine{
		timeline: newTimeline(timeScale), wake: make(chan struct{}, 1), power: power,
		templates: map[string]*Template{}, vms: map[string]*VM{}, disks: map[string]*Disk{}, nameLocks: map[string]bool{},
	}
	if err := e.seed(inv); err != nil {
		return nil, err
	}
	return e, nil
}

// Run lets the engine's time pass until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	const idle = time.Hour // any long time: a new event wakes the loop
	for {
		e.mu.Lock()
		wait, ok := e.timeline.runDue()
		e.mu.Unlock()
		if !ok {
			wait = idle
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-e.wake:
			timer.Stop()
		}
	}
}

// Now is the engine's time.
func (e *Engine) Now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.timeline.now()
}

// later queues a change of state; the engine is locked now and will be when it runs.
func (e *Engine) later(d time.Duration, change func()) {
	e.timeline.after(d, change)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
