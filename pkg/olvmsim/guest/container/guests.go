//go:build linux

package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// Options configure Guests. Image and Program are needed.
type Options struct {
	// Image is what VMs boot.
	Image Image
	// Dir is where the VMs' disks are, a directory on a file system that can hold overlays (ext4 or XFS). It is removed at the end. Default: a
	// fresh temporary directory.
	Dir string
	// Gateways are the addresses of the segment's gateway with the lengths of the subnets, at most one of each family. The engine answers at
	// the first one.
	Gateways []netip.Prefix
	// Program is the command line of a program that calls Boot: it becomes PID 1 of each guest.
	Program []string
}

// DefaultGateways are those of 192.0.2.0/24 (RFC 5737) and of a subnet of local IPv6 addresses (RFC 4193).
func DefaultGateways() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("fd6f:6c76:6d00::1/64")}
}

// Guests implement olvmsim.Guests, with all that may be implemented beside it.
type Guests struct {
	options     Options
	hierarchies []hierarchy
	mark        Mark
	launcher    *launcher
	segment     *segment
	proxy       *proxy
	watcher     *watcher
	released    sync.Once

	mu       sync.Mutex
	closed   bool
	machines map[string]*machine // by VM id
}

var (
	_ olvmsim.Guests          = (*Guests)(nil)
	_ olvmsim.Shutdowner      = (*Guests)(nil)
	_ olvmsim.Networked       = (*Guests)(nil)
	_ olvmsim.AddressReporter = (*Guests)(nil)
	_ olvmsim.Remover         = (*Guests)(nil)
)

// New prepares guests, and removes what killed processes still left of theirs. Close must be called in the end.
func New(options Options) (*Guests, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("container guests need root: namespaces, mounts and cgroups are made for them")
	}
	if err := removeLeftovers(); err != nil {
		return nil, err
	}
	g := &Guests{options: options, machines: map[string]*machine{}}
	if err := g.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare container guests: %w", err), g.release())
	}
	return g, nil
}

func (g *Guests) prepare() (err error) {
	if g.hierarchies, err = ownHierarchies(); err != nil {
		return err
	}
	if g.options.Dir == "" {
		g.options.Dir, err = os.MkdirTemp("", "olvmsim-guests-")
	} else {
		err = os.MkdirAll(g.options.Dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make directory of disks: %w", err)
	}
	if g.options.Dir, err = filepath.Abs(g.options.Dir); err != nil {
		return err
	}
	if g.mark, err = newMark(g.options.Dir, g.hierarchies); err != nil {
		return err
	}
	g.launcher = newLauncher()
	// The mark is there before what it tells of.
	if err := g.mark.write(); err != nil {
		return err
	}
	if g.watcher, err = startWatcher(g.options.Program); err != nil {
		return err
	}
	if g.segment, err = newSegment(g.options.Gateways); err != nil {
		return err
	}
	if g.proxy, err = newProxy(g.segment.dial); err != nil {
		return err
	}
	g.mark.Proxy = g.proxy.url()
	g.mark.Segment = fmt.Sprintf("/proc/%d/fd/%d", g.mark.PID, g.segment.namespace.Fd())
	return g.mark.write()
}

// Proxy is the URL of an HTTP proxy into the segment, for the environment variable HTTPS_PROXY of programs outside. It lasts until Close.
func (g *Guests) Proxy() string { return g.proxy.url() }

// Dial connects to an IP address and port in the segment.
func (g *Guests) Dial(ctx context.Context, address string) (net.Conn, error) {
	return g.segment.dial(ctx, address)
}

// ListenEngine listens on the address of the first gateway.
func (g *Guests) ListenEngine(port string) (net.Listener, error) { return g.segment.listen(port) }

// Start boots the VM's disk, which is made from the image at the first start. It returns when systemd runs, or with the reason why it does
// not. On the first boot Ignition puts on the disk what the user data says.
func (g *Guests) Start(ctx context.Context, vm olvmsim.GuestVM) error {
	m, err := g.machine(vm.ID)
	if err != nil {
		return fmt.Errorf("start guest of VM %s: %w", vm.ID, err)
	}
	if err := m.start(ctx, vm); err != nil {
		return fmt.Errorf("start guest of VM %s: %w", vm.ID, err)
	}
	return nil
}

// Shutdown asks systemd to power off. A guest that has not come that far does not hear it.
func (g *Guests) Shutdown(vmID string) {
	if m := g.known(vmID); m != nil {
		m.shutdown()
	}
}

// Stop takes the power from a VM: all of its processes are killed. Its disk stays.
func (g *Guests) Stop(vmID string) {
	if m := g.known(vmID); m != nil {
		m.stop()
	}
}

// Remove removes the VM's disk.
func (g *Guests) Remove(vmID string) {
	m := g.known(vmID)
	if m == nil {
		return
	}
	m.stop()
	g.mu.Lock()
	delete(g.machines, vmID)
	g.mu.Unlock()
	_ = os.RemoveAll(m.dir) // Close removes the directory of all
}

// Addresses are those that the VM's NICs have.
func (g *Guests) Addresses(vmID string) []string {
	if m := g.known(vmID); m != nil {
		if pid := m.pid(); pid != 0 {
			return addressesOf(pid)
		}
	}
	return nil
}

// Close stops all VMs and removes everything. It may be called more than once.
func (g *Guests) Close() {
	g.mu.Lock()
	g.closed = true
	machines := make([]*machine, 0, len(g.machines))
	for _, m := range g.machines {
		machines = append(machines, m)
	}
	g.mu.Unlock()
	for _, m := range machines {
		m.stop()
	}
	g.released.Do(func() { _ = g.release() }) // what cannot be removed now is removed by the next New
}

func (g *Guests) release() error {
	if g.proxy != nil {
		g.proxy.close()
	}
	if g.segment != nil {
		g.segment.close()
	}
	if g.launcher == nil {
		return nil
	}
	g.launcher.close()
	err := g.mark.remove()
	if g.watcher != nil {
		g.watcher.close()
	}
	return err
}

func (g *Guests) known(vmID string) *machine {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.machines[vmID]
}

func (g *Guests) machine(vmID string) (*machine, error) {
	if vmID == "" || vmID != filepath.Base(vmID) || slices.Contains([]string{".", ".."}, vmID) {
		return nil, errors.New("the id is not the name of a directory")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errors.New("the guests are closed")
	}
	m := g.machines[vmID]
	if m == nil {
		m = &machine{guests: g, dir: filepath.Join(g.options.Dir, vmID)}
		g.machines[vmID] = m
	}
	return m, nil
}
