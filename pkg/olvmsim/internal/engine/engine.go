package engine

import (
	"context"
	"math/rand/v2"
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
	// Shutdown asks the guest to halt and says whether there is one that will tell with GuestHalted. Otherwise the engine plays it.
	Shutdown(vmID string) bool
	// Removed says that the VM and its disks are gone.
	Removed(vmID string)
}

// Boot is what a VM that is switched on sees.
type Boot struct {
	VMID, Name, OSType, KubernetesVersion string
	// UserData, MetaData and NetworkData are the config drive's openstack/latest/user_data, meta_data.json and network_data.json; nil
	// without a config drive, and NetworkData also where no NIC is to be configured.
	UserData, MetaData, NetworkData []byte
	// MACs are those of the NICs that are plugged and linked, and Networks the ids of their logical networks, "" for none.
	MACs, Networks []string
}

// Engine holds the state. All methods are safe for concurrent use; what they return are copies.
type Engine struct {
	mu       sync.Mutex
	timeline *timeline
	// advancing is held while a stepped clock moves: one call of Advance after the other.
	advancing sync.Mutex
	wake      chan struct{}
	power     Power

	// ids, callIDs and chances are streams of the seed; feed is that of the command that runs now.
	ids, callIDs, chances *rand.ChaCha8
	feed                  *Feed
	disturb               disturb
	arrangement

	dataCenters    []DataCenter
	clusters       []Cluster
	hosts          []Host
	networks       []Network
	profiles       []VNICProfile
	storageDomains []StorageDomain
	store          storageState

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

// Options configure an Engine's clock and chance.
type Options struct {
	// TimeScale is how many times faster than real time the clock runs; 0 means 1. A stepped clock takes no notice.
	TimeScale float64
	// Stepped makes time pass by Advance only.
	Stepped bool
	// Start is the time of the clock at the start; zero means now.
	Start time.Time
	// Seed makes ids and chances the same in every run; 0 means that they are random.
	Seed int64
}

// New returns an engine that holds inv. Nothing that takes time happens before Run or, with a stepped clock, Advance.
func New(inv inventory.Inventory, options Options, power Power) (*Engine, error) {
	e := newEngine(options, power)
	if err := e.seed(inv); err != nil {
		return nil, err
	}
	return e, nil
}

func newEngine(options Options, power Power) *Engine {
	return &Engine{
		timeline: newTimeline(options), wake: make(chan struct{}, 1), power: &poweredVMs{Power: power, boots: map[string]Boot{}},
		ids: newStream(options.Seed, streamObjects), callIDs: newStream(options.Seed, streamCalls), chances: newStream(options.Seed, streamFaults),
		templates: map[string]*Template{}, vms: map[string]*VM{}, disks: map[string]*Disk{}, nameLocks: map[string]bool{},
	}
}

// Run lets the engine's time pass until ctx ends.
func (e *Engine) Run(ctx context.Context) {
	if e.timeline.stepped {
		<-ctx.Done()
		return
	}
	const idle = time.Hour // any long time: a new event wakes the loop
	for {
		e.mu.Lock()
		wait, ok := e.runDue()
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
	e.queue(d, event{run: change})
}

// Schedule queues a call from outside of the engine, which is not locked when the call is made.
func (e *Engine) Schedule(d time.Duration, call func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue(d, event{run: call, outside: true})
}

func (e *Engine) queue(d time.Duration, what event) {
	e.timeline.after(d, what)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
