package libvirt

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// StartOptions of a Kubernetes cluster.
type StartOptions struct {
	Options
	Kubernetes Kubernetes
	// Patience is how long the nodes may take from the start of the machines until all have registered; 30 minutes when 0.
	Patience time.Duration
}

const defaultPatience = 30 * time.Minute

// Started is a cluster that answers, and whose nodes have all registered. They are not Ready before a pod network is installed.
type Started struct {
	Cluster
	// Kubeconfig of an administrator, valid for a year.
	Kubeconfig []byte
}

// Start makes a cluster, goes on with one that another run did not complete, or starts the machines of one that is there, and returns when its API
// answers and all nodes have registered. A creation that fails leaves nothing, unless KeepOnError is set; a cluster that was complete once is never
// removed. Two runs for the same cluster must not go on at the same time.
func Start(ctx context.Context, s StartOptions) (Started, error) {
	var err error
	if s.Options, err = s.complete(); err != nil {
		return Started{}, err
	}
	if err := s.check(); err != nil {
		return Started{}, err
	}
	var config []byte
	err = attempt(ctx, s.Options, func(h *host) error {
		config, err = s.run(ctx, h)
		return err
	})
	if err != nil {
		return Started{}, err
	}
	c, err := Info(ctx, s.Connection, s.Cluster)
	return Started{c, config}, err
}

// check refuses what cannot be made yet.
func (s *StartOptions) check() error {
	if len(s.PodSubnets) == 0 {
		s.PodSubnets = []netip.Prefix{netip.MustParsePrefix("10.244.0.0/16")}
	}
	if len(s.ServiceSubnets) == 0 {
		s.ServiceSubnets = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}
	}
	if s.Patience == 0 {
		s.Patience = defaultPatience
	}
	refuse := func(format string, args ...any) error {
		return &Error{Op: "start cluster", Object: s.Cluster, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case s.ControlPlaneNodes != 1:
		return refuse("%d control plane nodes: clusters on libvirt have one, for they have no virtual IP yet", s.ControlPlaneNodes)
	case minor(s.Kubernetes.Version) == 0:
		return refuse("%q is no version of Kubernetes such as v1.34.4", s.Kubernetes.Version)
	}
	return nil
}

func (s StartOptions) run(ctx context.Context, h *host) ([]byte, error) {
	c := &creation{host: h, o: s.Options, version: s.Kubernetes.Version}
	id, err := h.identity(s.Cluster)
	if err != nil {
		return nil, err
	}
	c.document = func(n node, l lan) ([]byte, error) { return s.documents(id, n.Server)(n, l) }
	if err := c.machines(ctx); err != nil {
		return nil, err
	}
	config, err := id.kubeconfig(s.Cluster, c.nodes[0].Server)
	if err != nil {
		return nil, failed("make the kubeconfig of", s.Cluster, err)
	}
	if err := c.await(ctx, config, s.Patience); err != nil {
		return nil, err
	}
	return config, c.complete()
}

// complete says of all nodes that they have been part of the cluster.
func (c *creation) complete() error {
	for _, n := range c.nodes {
		if n.Ready {
			continue
		}
		n.Ready = true
		d, err := c.DomainLookupByName(n.name())
		if err != nil {
			return failed("look up domain", n.name(), err)
		}
		if err := c.remark(d, n.mark); err != nil {
			return err
		}
	}
	return nil
}

// identity is the cluster's, from its first node's boot document, or a new one when that node has none yet.
func (h *host) identity(cluster string) (identity, error) {
	first, exists, err := h.find(domainName(cluster, RoleControlPlane, 1))
	if err != nil {
		return identity{}, err
	}
	if !exists || !first.mark.Prepared {
		return newIdentity()
	}
	return h.storedIdentity(first)
}

func (h *host) storedIdentity(first owned) (identity, error) {
	p, err := h.StoragePoolLookupByName(first.mark.Pool)
	if err != nil {
		return identity{}, failed("look up storage pool", first.mark.Pool, err)
	}
	if err := h.StoragePoolRefresh(p, 0); err != nil {
		return identity{}, failed("look at storage pool", first.mark.Pool, err)
	}
	v, exists, err := h.findVolume(p, documentName(first.Name))
	if err != nil {
		return identity{}, err
	}
	if !exists {
		return identity{}, &Error{Op: "read the boot document of", Object: first.Name, Err: errNoIdentity, Remedy: "Delete the cluster and start it again."}
	}
	document, err := h.readVolume(v, 0)
	if err != nil {
		return identity{}, err
	}
	id, err := readIdentity(document)
	return id, failed("read the boot document of", first.Name, err)
}

// Kubeconfig makes an administrator's kubeconfig of a cluster on the host, valid for a year. It fails with ErrNoCluster when there is none.
func Kubeconfig(ctx context.Context, c Connection, cluster string) ([]byte, error) {
	h, err := open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer h.close()
	first, exists, err := h.find(domainName(cluster, RoleControlPlane, 1))
	if err != nil {
		return nil, err
	}
	if !exists || !first.mark.Prepared {
		return nil, &Error{Op: "make the kubeconfig of", Object: cluster, Err: ErrNoCluster}
	}
	id, err := h.storedIdentity(first)
	if err != nil {
		return nil, err
	}
	config, err := id.kubeconfig(cluster, first.mark.Server)
	return config, failed("make the kubeconfig of", cluster, err)
}
