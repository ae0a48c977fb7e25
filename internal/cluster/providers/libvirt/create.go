package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
)

// cleanupPatience is how long the removal of a failed creation may take, also when the command was interrupted.
const cleanupPatience = 2 * time.Minute

// machineDocument makes the Ignition document of a node.
type machineDocument func(n node, l lan) ([]byte, error)

// creation is one run of making a cluster's virtual machines. Each step first looks what is there, so that a run goes on where another ended.
type creation struct {
	*host
	o        Options
	document machineDocument
	version  string // of Kubernetes; may be empty
	pool     pool
	hv       hypervisor
	net      lan
	nodes    []*node
}

// machines makes all virtual machines of the cluster that are missing, and starts those that do not run.
func (c *creation) machines(ctx context.Context) error {
	if err := c.requireConnected(c.o); err != nil {
		return err
	}
	known, err := c.domains(c.o.Cluster)
	if err == nil {
		err = c.requireOurs(known...)
	}
	if err != nil {
		return err
	}
	if c.pool, err = c.ensurePool(c.o.Pool); err != nil {
		return err
	}
	kind, arch, err := c.chooseType(ctx, c.pool, c.o.DomainType, c.o.Report)
	if err != nil {
		return err
	}
	if c.hv, err = c.inspect(kind, arch, c.o.Firmware); err != nil {
		return err
	}
	if c.hv.noSLIRP && c.userMode(c.o.Network) {
		return &Error{
			Op: "make network of cluster", Object: c.o.Cluster, Err: errNoSLIRP,
			Remedy: "Use the machine's own daemon, which can make networks: providers.libvirt.uri: qemu:///system.",
		}
	}
	if c.net, err = c.ensureNetwork(ctx, c.o, known); err != nil {
		return err
	}
	if err := c.plan(); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.define(n); err != nil {
			return err
		}
	}
	for _, n := range c.nodes {
		if err := c.reserve(c.net, n.mark); err != nil {
			return err
		}
	}
	if err := c.disks(ctx); err != nil {
		return err
	}
	for _, n := range c.nodes {
		if err := c.start(n); err != nil {
			return err
		}
	}
	return nil
}

// plan says which nodes there shall be; of those that there are it keeps what they have.
func (c *creation) plan() error {
	for _, group := range []struct {
		role  Role
		count int
		shape Shape
	}{{RoleControlPlane, c.o.ControlPlaneNodes, c.o.ControlPlane}, {RoleWorker, c.o.WorkerNodes, c.o.Worker}} {
		for i := 1; i <= group.count; i++ {
			existing, exists, err := c.find(domainName(c.o.Cluster, group.role, i))
			if err == nil && exists {
				err = c.requireOurs(existing) // somebody else may have made it just now
			}
			if err != nil {
				return err
			}
			n := &node{shape: group.shape}
			if exists {
				n.mark, n.id = existing.mark, uuid.UUID(existing.UUID)
			} else {
				n.id = uuid.New()
				n.mark = mark{
					Cluster: c.o.Cluster, Role: group.role, Index: i, Pool: c.pool.Name, Version: c.version,
					MAC: fmt.Sprintf("52:54:00:%02x:%02x:%02x", n.id[13], n.id[14], n.id[15]),
				}
				if c.o.Private {
					n.Owner, n.OwnerID = c.owner.User, c.owner.ID
				}
			}
			c.nodes = append(c.nodes, n)
		}
	}
	if err := c.net.assign(c.nodes); err != nil {
		return err
	}
	server := hostPort(loopback, c.net.hostPort)
	if c.net.name != "" {
		first, err := netip.ParsePrefix(c.nodes[0].Address)
		if err != nil {
			return failed("read the address of", c.nodes[0].name(), err)
		}
		server = hostPort(first.Addr().String(), c.net.apiPort)
	}
	for _, n := range c.nodes {
		if n.Server == "" {
			n.Server = server
		}
	}
	return nil
}

// define makes the domain of a node, which from then on says what of the host is the node's.
func (c *creation) define(n *node) error {
	if n.Prepared {
		return nil
	}
	if _, exists, err := c.find(n.name()); err != nil {
		return err
	} else if !exists {
		if err := c.requireNoVolumes(n.name()); err != nil {
			return err
		}
	}
	text, err := c.hv.domainXML(*n, c.pool, c.net)
	if err != nil {
		return err
	}
	_, err = c.DomainDefineXML(text)
	return failed("make virtual machine", n.name(), err)
}

// requireNoVolumes keeps volumes that somebody else made.
func (c *creation) requireNoVolumes(domain string) error {
	all, err := c.volumes(c.pool.StoragePool)
	if err != nil {
		return err
	}
	for _, v := range all {
		if isVolumeOf(domain, v.Name) {
			return &Error{
				Op: "make volume", Object: v.Name, Err: ErrNotOurs,
				Remedy: "Give the cluster another name, or remove the volume: virsh vol-delete --pool " + c.pool.Name + " " + v.Name + ".",
			}
		}
	}
	return nil
}

// disks makes the volumes of the nodes that have none yet.
func (c *creation) disks(ctx context.Context) error {
	var missing []*node
	for _, n := range c.nodes {
		if !n.Prepared {
			missing = append(missing, n)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	v, err := c.ensureBase(ctx, c.pool, c.o.Cluster, c.o.Image, c.o.Report)
	if err != nil {
		return err
	}
	d, err := c.describe(v)
	if err != nil {
		return err
	}
	for _, n := range missing {
		if d.Capacity != nil && int64(d.Capacity.Value) > n.shape.Storage {
			return &Error{
				Op: "make disk of", Object: n.name(),
				Err:    fmt.Errorf("it shall have %s, but the image has %s", mebibytes(n.shape.Storage), mebibytes(int64(d.Capacity.Value))),
				Remedy: "Write more storage for the node.",
			}
		}
		c.o.Report("making virtual machine " + n.name())
		if err := c.prepare(n, v.Name); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the volumes of a node anew and says so in its mark.
func (c *creation) prepare(n *node, base string) error {
	if err := c.removeVolumesOf(c.pool.StoragePool, n.name()); err != nil {
		return err
	}
	document, err := c.document(*n, c.net)
	if err != nil {
		return failed("make the boot document of", n.name(), err)
	}
	if err := c.writeVolume(c.pool, documentName(n.name()), "0600", document); err != nil {
		return err
	}
	if _, err := c.makeVolume(c.pool, volume{
		name: diskName(n.name()), format: formatQCOW2, capacity: n.shape.Storage, mode: "0600", backing: path.Join(c.pool.directory, base),
	}); err != nil {
		return err
	}
	n.Prepared = true
	d, err := c.DomainLookupByName(n.name())
	if err != nil {
		return failed("look up domain", n.name(), err)
	}
	return c.remark(d, n.mark)
}

func (h *host) removeVolumesOf(p rpc.StoragePool, domain string) error {
	all, err := h.volumes(p)
	if err != nil {
		return err
	}
	for _, v := range all {
		if isVolumeOf(domain, v.Name) {
			if err := h.removeVolume(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *creation) start(n *node) error {
	d, err := c.DomainLookupByName(n.name())
	if err != nil {
		return failed("look up domain", n.name(), err)
	}
	active, err := c.DomainIsActive(d)
	if err != nil {
		return failed("look at domain", n.name(), err)
	}
	if active != 0 {
		return nil
	}
	c.o.Report("starting virtual machine " + n.name())
	if err := c.DomainCreate(d); err != nil {
		return &Error{Op: "start virtual machine", Object: n.name(), Err: err, Remedy: c.startAdvice(), Console: c.console(c.pool.StoragePool, n.name())}
	}
	return nil
}

func (c *creation) startAdvice() string {
	if c.net.name == "" {
		return "User-mode networking needs a QEMU with SLIRP. With qemu:///system, clusters have a network of their own instead."
	}
	return "The host's own log says more: virsh -c " + c.uri + " list --all, /var/log/libvirt/qemu."
}

// attempt runs what makes a cluster. When it fails and the cluster was never complete, all of it is removed again, also when ctx has ended.
func attempt(ctx context.Context, o Options, run func(h *host) error) error {
	h, err := open(ctx, o.Connection)
	if err != nil {
		return err
	}
	err = run(h)
	h.close()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = failed("start cluster", o.Cluster, context.Cause(ctx))
	}
	if o.KeepOnError {
		return &KeptError{Err: err, Cluster: o.Cluster}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupPatience)
	defer cancel()
	if left := cleanUp(ctx, o); left != nil {
		return &LeftError{Err: err, Cluster: o.Cluster, Left: left}
	}
	return err
}

// LeftError says that what a failed creation made could not all be removed.
type LeftError struct {
	Err     error
	Cluster string
	// Left is why not.
	Left error
}

func (e *LeftError) Error() string {
	return e.Err.Error() + "\nwhat was made of cluster " + e.Cluster + " could not all be removed: " + e.Left.Error()
}

// Unwrap returns why the creation failed.
func (e *LeftError) Unwrap() error { return e.Err }

// KeptError says that what a failed creation made is still there, because the caller asked for it.
type KeptError struct {
	Err     error
	Cluster string
}

func (e *KeptError) Error() string {
	return e.Err.Error() + "\nwhat was made of cluster " + e.Cluster + " is kept: delete the cluster to remove it"
}

// Unwrap returns why the creation failed.
func (e *KeptError) Unwrap() error { return e.Err }

func cleanUp(ctx context.Context, o Options) error {
	h, err := open(ctx, o.Connection)
	if err != nil {
		return err
	}
	defer h.close()
	known, err := h.domains(o.Cluster)
	if err != nil {
		return err
	}
	for _, k := range known {
		if k.mark.Ready || h.requireOurs(k) != nil {
			return nil
		}
	}
	if len(known) > 0 {
		o.Report("removing what was made")
	}
	return h.remove(o.Cluster, known, func(string) {})
}
