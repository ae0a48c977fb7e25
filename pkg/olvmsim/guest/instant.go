package guest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// discoveryTimeout is how long kubeadm join waits for the cluster (kubeadm's Timeouts.Discovery).
const discoveryTimeout = 5 * time.Minute

// Instant implements olvmsim.Guests with nodes that exist only as API objects.
//
// Besides that interface it has Remove, which the simulator finds through interface{ Remove(vmID string) } and
// calls when a VM's disk is gone.
type Instant struct {
	platform  *platform
	discovery time.Duration
	end       context.CancelFunc

	// mu also serialises every change of a cluster's membership.
	mu        sync.Mutex
	closed    bool
	machines  map[string]*machine // by VM id
	endpoints map[string]*cluster // the clusters that answer, by host:port
}

var (
	_ olvmsim.Guests          = (*Instant)(nil)
	_ olvmsim.AddressReporter = (*Instant)(nil)
)

// NewInstant prepares instant guests. The in-memory store works until ctx ends or Close is called; Close must be
// called in either case to release the ports.
func NewInstant(ctx context.Context) (*Instant, error) {
	ctx, end := context.WithCancel(ctx)
	p, err := newPlatform(ctx)
	if err != nil {
		end()
		return nil, fmt.Errorf("start in-memory store: %w", err)
	}
	return &Instant{
		platform: p, discovery: discoveryTimeout, end: end,
		machines: map[string]*machine{}, endpoints: map[string]*cluster{},
	}, nil
}

// Start powers the VM on and returns at once: Ignition, kubeadm and kubelet are played in a goroutine that Stop,
// Remove and Close end and wait for; ctx ends it too. What happens in there is told on vm.Console.
//
// A VM that became a node before its last Stop becomes the same node again, since its disk still holds that state:
// kubeadm does not run twice. Ignition runs only once as well; the user data of a later Start is then not read.
//
// The error is non-nil only when the VM is running already or after Close.
func (g *Instant) Start(ctx context.Context, vm olvmsim.GuestVM) error {
	m, err := g.machine(vm.ID)
	if err != nil {
		return fmt.Errorf("start guest of VM %s: %w", vm.ID, err)
	}
	m.power.Lock()
	defer m.power.Unlock()
	if m.off != nil {
		return fmt.Errorf("start guest of VM %s: it is running", vm.ID)
	}
	ctx, m.off = context.WithCancel(ctx)
	m.work.Go(func() { g.boot(ctx, m, vm) })
	return nil
}

// Stop takes the VM's power away. Its Node stays in the cluster, no longer Ready; its etcd member stays a member
// that does not answer. When the last control plane VM of a cluster stops, its endpoint no longer answers.
func (g *Instant) Stop(vmID string) {
	g.mu.Lock()
	m := g.machines[vmID]
	g.mu.Unlock()
	if m != nil {
		g.powerOff(m)
	}
}

// Remove forgets a VM whose disk is gone, stopping it first where necessary. When the last VM goes whose disk held
// a copy of a cluster's data, the cluster is gone too. The simulator calls it after the VM was removed.
func (g *Instant) Remove(vmID string) {
	g.mu.Lock()
	m := g.machines[vmID]
	delete(g.machines, vmID)
	g.mu.Unlock()
	if m == nil {
		return
	}
	g.powerOff(m)
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.node != nil && m.node.kubelet.controlPlane {
		m.node.cluster.forget(vmID)
	}
}

// Close stops every VM and drops every cluster. When it returns, the ports are closed and no request is running.
func (g *Instant) Close() {
	g.mu.Lock()
	g.closed = true
	ids := make([]string, 0, len(g.machines))
	for id := range g.machines {
		ids = append(ids, id)
	}
	g.mu.Unlock()
	for _, id := range ids {
		g.Remove(id)
	}
	g.end()
}

// Addresses returns the addresses that the VM has by its document; none before Ignition has run.
func (g *Instant) Addresses(vmID string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.machines[vmID]
	if m == nil || m.system == nil {
		return nil
	}
	var out []string
	for _, a := range m.system.addresses() {
		out = append(out, a.String())
	}
	return out
}

func (g *Instant) machine(vmID string) (*machine, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errors.New("the guests are closed")
	}
	m := g.machines[vmID]
	if m == nil {
		m = &machine{}
		g.machines[vmID] = m
	}
	return m, nil
}

func (g *Instant) powerOff(m *machine) {
	m.power.Lock()
	defer m.power.Unlock()
	if m.off == nil {
		return
	}
	m.off()
	m.work.Wait()
	m.off = nil
	g.mu.Lock()
	defer g.mu.Unlock()
	if m.node == nil {
		return
	}
	c := m.node.cluster
	if c.powerOff(m.node.kubelet); c.listener == nil && g.endpoints[c.endpoint] == c {
		delete(g.endpoints, c.endpoint)
	}
}

// Podless implements olvmsim.Podless: nodes report what is scheduled on them, and run none of it.
func (g *Instant) Podless() bool { return true }
