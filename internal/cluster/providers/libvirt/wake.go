package libvirt

import (
	"context"
)

// Wake starts the machines of a cluster that do not run, as after a restart of the host, and says how many. What runs in them takes longer. It fails
// with ErrNoCluster when there is none.
func Wake(ctx context.Context, c Connection, cluster string, report func(string)) (started int, err error) {
	h, err := open(ctx, c)
	if err != nil {
		return 0, err
	}
	defer h.close()
	known, err := h.domains(cluster)
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
		report("starting virtual machine " + k.Name)
		if err := h.DomainCreate(k.Domain); err != nil {
			return started, failed("start virtual machine", k.Name, err)
		}
		started++
	}
	return started, nil
}
