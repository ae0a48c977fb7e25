package guest

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// machine is one VM. What Ignition and kubeadm left on its disk survives a power cycle.
type machine struct {
	power sync.Mutex         // held for the whole of a Start or Stop
	off   context.CancelFunc // nil while the power is off
	work  sync.WaitGroup

	// Written by the boot under Instant.mu.
	system *system
	node   *node
}

// system is what the first boot made of the document.
type system struct {
	hostName    string
	connections []connection
	arguments   kubeletArguments
	nodeIP      *nodeIPScript  // nil when the document has none
	kubeadm     *kubeadmConfig // nil without /etc/kubeadm.yml
}

// addresses of all NICs.
func (s *system) addresses() []netip.Addr {
	var out []netip.Addr
	for _, c := range s.connections {
		for _, p := range c.addresses {
			out = append(out, p.Addr())
		}
	}
	return out
}

// node is what a machine has become.
type node struct {
	cluster *cluster
	kubelet kubelet
}

// pending marks a failure that kubeadm or the kubelet would keep trying to get over.
type pending struct{ error }

// boot plays one power-on from Ignition to the kubelet's first status report.
func (g *Instant) boot(ctx context.Context, m *machine, vm olvmsim.GuestVM) {
	con := console{vm.Console}
	if m.system == nil && !g.provision(m, vm, con) {
		return
	}
	switch {
	case m.node != nil:
		g.resume(ctx, m, con)
	case m.system.kubeadm == nil:
		con.printf("kubeadm", "/etc/kubeadm.yml does not exist: this machine does not become a node")
	case m.system.kubeadm.init != nil:
		if err := g.initialize(ctx, m, vm, con); err != nil {
			con.printf("kubeadm", "init: %v", err)
		}
	default:
		g.joinWhenReady(ctx, m, vm, con)
	}
}

// provision is the first boot of a disk: Ignition writes the document's files, and the operating system reads them. An instant guest has both
// Ignition and cloud-init, and takes the one that the document is for.
func (g *Instant) provision(m *machine, vm olvmsim.GuestVM, con console) bool {
	reader, read := "ignition", func() (*document, error) { return parseDocument(vm.UserData) }
	if bytes.HasPrefix(vm.UserData, []byte(cloudConfigHeader)) {
		reader, read = "cloud-init", func() (*document, error) { return readCloudInit(vm) }
	}
	doc, err := read()
	if err != nil {
		con.printf(reader, "%v", err)
		return false
	}
	con.printf(reader, "config version %s from the config drive: %d files, %d units", doc.version, len(doc.files), len(doc.units))
	connections, err := readConnections(doc, vm.ID, con)
	if err != nil {
		con.printf("NetworkManager", "%v", err)
		return false
	}
	kubeadm, err := readKubeadm(doc)
	if err != nil {
		con.printf("kubeadm", "%v", err)
		return false
	}
	sys := &system{
		hostName: strings.ToLower(strings.TrimSpace(string(doc.files["/etc/hostname"].data))), connections: connections,
		arguments: readKubeletArguments(doc), nodeIP: readNodeIPScript(doc), kubeadm: kubeadm,
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m.system = sys
	return true
}

// joinWhenReady runs kubeadm join, which waits for an API server that does not answer yet and for a bootstrap token
// that is not there yet.
func (g *Instant) joinWhenReady(ctx context.Context, m *machine, vm olvmsim.GuestVM, con console) {
	ctx, cancel := context.WithTimeout(ctx, g.discovery)
	defer cancel()
	err := retryPending(ctx, func() error { return g.join(ctx, m, vm, con) }, func(err error) {
		con.printf("kubeadm", "join: %v; will try again for up to %s", err, g.discovery)
	})
	switch {
	case err == nil:
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		con.printf("kubeadm", "join: gave up after %s: %v", g.discovery, err)
	case ctx.Err() == nil:
		con.printf("kubeadm", "join: %v", err)
	}
}

// resume is a later boot of a machine that is a node. Its kubelet tries for ever to reach the API server.
func (g *Instant) resume(ctx context.Context, m *machine, con console) {
	con.printf("kubelet", "starting as node %s", m.node.kubelet.name)
	err := retryPending(ctx, func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		return g.powerOn(ctx, m.node)
	}, func(err error) { con.printf("kubelet", "%v; will try again", err) })
	switch {
	case err == nil:
		con.printf("kubelet", "node %s is Ready", m.node.kubelet.name)
	case ctx.Err() == nil:
		con.printf("kubelet", "node %s does not come back: %v", m.node.kubelet.name, err)
	}
}

// retryPending calls do until it succeeds, fails for good or ctx ends, and returns its last error. first is told the first
// pending failure. The waits grow from 200 ms to 2 s.
func retryPending(ctx context.Context, do func() error, first func(error)) error {
	for wait := 200 * time.Millisecond; ; wait = min(wait*3/2, 2*time.Second) {
		err := do()
		if err == nil || !errors.As(err, &pending{}) {
			return err
		}
		if first != nil {
			first(err)
			first = nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
