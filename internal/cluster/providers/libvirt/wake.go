package libvirt

import (
	"context"

	rpc "github.com/digitalocean/go-libvirt"
)

// Wake starts the machines of a cluster that do not run, as after a restart of the host, with the network and the storage pool that they need, and says
// how many. What runs in them takes longer. It fails with ErrNoCluster when there is none, and with
// ErrOthers when it is private to somebody else.
func Wake(ctx context.Context, c Connection, cluster string, report func(string)) (started int, err error) {
	h, err := open(ctx, c)
	if err != nil {
		return 0, err
	}
	defer h.close()
	known, err := h.domains(cluster)
	if err == nil {
		err = h.requireOurs(known...)
	}
	if err != nil {
		return 0, err
	}
	if len(known) == 0 {
		return 0, &Error{Op: "start the machines of", Object: cluster, Err: because(ErrNoCluster, "("+h.uri+")", nil)}
	}
	for _, k := range known {
		active, err := h.DomainIsActive(k.Domain)
		if err != nil {
			return started, failed("look at domain", k.Name, err)
		}
		if active != 0 {
			continue
		}
		if err := h.wakeNeeded(k.mark); err != nil {
			return started, err
		}
		report("starting virtual machine " + k.Name)
		if err := h.DomainCreate(k.Domain); err != nil {
			return started, failed("start virtual machine", k.Name, err)
		}
		started++
	}
	return started, nil
}

// wakeNeeded starts what a machine needs of the host: libvirt starts neither with the machine, and perhaps not with the host.
func (h *host) wakeNeeded(m mark) error {
	if m.Network != "" {
		network, err := h.NetworkLookupByName(m.Network)
		if err != nil {
			return failed("look up network", m.Network, err)
		}
		if err := h.startNetwork(network); err != nil {
			return err
		}
	}
	p, err := h.StoragePoolLookupByName(m.Pool)
	if isCode(err, rpc.ErrNoStoragePool) {
		return nil // its files may be there all the same
	}
	if err != nil {
		return failed("look up storage pool", m.Pool, err)
	}
	_, err = h.activate(p)
	return err
}
