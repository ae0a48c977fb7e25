package libvirt

import (
	"context"
	"slices"

	rpc "github.com/digitalocean/go-libvirt"
)

// DeleteOptions say what to delete.
type DeleteOptions struct {
	Connection
	Cluster string
	// Report is told what happens, in a few words; it may be nil.
	Report func(string)
}

// Delete removes everything of a cluster: its virtual machines with their firmware's variables, volumes and reservations, its network, and base
// volumes and pools of ours that nobody uses any more. It can be run again until it succeeds. It fails with ErrNoCluster when there is nothing, and
// with ErrOthers when the cluster is private to somebody else.
func Delete(ctx context.Context, o DeleteOptions) error {
	h, err := open(ctx, o.Connection)
	if err != nil {
		return err
	}
	defer h.close()
	if o.Report == nil {
		o.Report = func(string) {}
	}
	known, err := h.domains(o.Cluster)
	if err == nil {
		err = h.requireOurs(known...)
	}
	if err != nil {
		return err
	}
	if len(known) == 0 {
		_, err := h.NetworkLookupByUUID(rpc.UUID(ownUUID(kindNetwork, o.Cluster)))
		if isCode(err, rpc.ErrNoNetwork) {
			// Base volumes and pools may still be left of an earlier run.
			if err := h.remove(o.Cluster, nil, o.Report); err != nil {
				return err
			}
			return &Error{Op: "delete cluster", Object: o.Cluster, Err: because(ErrNoCluster, "("+h.uri+")", nil)}
		}
	}
	if err := h.remove(o.Cluster, known, o.Report); err != nil {
		if ctx.Err() != nil {
			return failed("delete cluster", o.Cluster, context.Cause(ctx))
		}
		return err
	}
	return nil
}

// remove takes domains away last: as long as one is there, it says what belongs to it.
func (h *host) remove(cluster string, known []owned, report func(string)) error {
	for _, k := range known {
		report("stopping virtual machine " + k.Name)
		if err := unless(h.DomainDestroy(k.Domain), rpc.ErrOperationInvalid, rpc.ErrNoDomain); err != nil {
			return failed("stop virtual machine", k.Name, err)
		}
	}
	pools, err := h.activePools()
	if err != nil {
		return err
	}
	for _, k := range known { // a deletion that ends in between leaves nothing that looks complete
		unfinished := k.mark
		unfinished.Prepared, unfinished.Ready = false, false
		if err := h.remark(k.Domain, unfinished); unless(err, rpc.ErrNoDomain) != nil {
			return err
		}
	}
	for _, k := range known {
		if err := h.removeParts(pools, k.mark); err != nil {
			return err
		}
	}
	if err := h.removeNetwork(cluster); err != nil {
		return err
	}
	if err := h.removeShared(pools, cluster); err != nil {
		return err
	}
	for _, k := range known {
		report("removing virtual machine " + k.Name)
		flags := rpc.DomainUndefineManagedSave | rpc.DomainUndefineSnapshotsMetadata | rpc.DomainUndefineNvram
		if err := unless(h.DomainUndefineFlags(k.Domain, flags), rpc.ErrNoDomain); err != nil {
			return failed("remove virtual machine", k.Name, err)
		}
	}
	return nil
}

// removeShared removes the base volumes and pools of ours that nobody uses any more. While another cluster is being made, which may be about to
// use them, they stay for a later time.
func (h *host) removeShared(pools []rpc.StoragePool, cluster string) error {
	all, err := h.domains("")
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(o owned) bool { return o.mark.Cluster != cluster && !o.mark.Prepared }) {
		return nil
	}
	used, err := h.usedPaths(pools)
	if err != nil {
		return err
	}
	for _, p := range pools {
		if err := h.removeUnusedBases(p, cluster, used); err != nil {
			return err
		}
		if err := h.removePool(p); err != nil {
			return err
		}
	}
	return nil
}

// removeParts removes what belongs to one node.
func (h *host) removeParts(pools []rpc.StoragePool, m mark) error {
	if i := slices.IndexFunc(pools, func(p rpc.StoragePool) bool { return p.Name == m.Pool }); i >= 0 {
		if err := h.removeVolumesOf(pools[i], m.name()); err != nil {
			return err
		}
	}
	if m.Reserved {
		return h.release(m)
	}
	return nil
}
