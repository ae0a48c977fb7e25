package ovirt

import (
	"context"
	"net/http"
)

// VMUpdate is what may change of a VM; nil leaves it as it is.
type VMUpdate struct {
	Description, Comment *string
	// Memory sizes are bytes. Engines do not adapt one to the other: Memory is at least GuaranteedMemory and at most MaxMemory.
	Memory, GuaranteedMemory, MaxMemory *int64
	// Sockets can grow while the VM runs; Cores and Threads wait for its next start.
	Sockets, Cores, Threads *int
	DeleteProtected         *bool
	// HostIDs are the only hosts that the VM starts on; an empty list means any of the cluster.
	HostIDs *[]string
	// HighAvailability: see AddVM. EndHighAvailability ends it, and is not looked at when HighAvailability is set.
	HighAvailability    *HighAvailability
	EndHighAvailability bool
	// LeaseStorageDomainID: see AddVM; empty gives the lease up.
	LeaseStorageDomainID *string
}

// UpdateVM changes what is set. What a running VM cannot take over at once waits for its next start; the reply is of the VM as it
// runs. Conflict while the VM is locked.
func (c *Client) UpdateVM(ctx context.Context, id string, update VMUpdate) (*VM, error) {
	return one(ctx, c, request{
		name: "vms.update", operation: "update VM", object: id, method: http.MethodPut, path: []string{"vms", id}, body: update.wire(),
	}, vmOf)
}

// wireVMUpdate has pointers where wireVM has none: here zero and empty are values.
type wireVMUpdate struct {
	Description      *string           `json:"description,omitempty"`
	Comment          *string           `json:"comment,omitempty"`
	Memory           *integer          `json:"memory,omitempty"`
	MemoryPolicy     *wireMemoryUpdate `json:"memory_policy,omitempty"`
	CPU              *wireCPU          `json:"cpu,omitempty"`
	DeleteProtected  *boolean          `json:"delete_protected,omitempty"`
	PlacementPolicy  *wirePlacement    `json:"placement_policy,omitempty"`
	HighAvailability *wireAvailability `json:"high_availability,omitempty"`
	Lease            *wireLease        `json:"lease,omitempty"`
}

type wireMemoryUpdate struct {
	Guaranteed *integer `json:"guaranteed,omitempty"`
	Max        *integer `json:"max,omitempty"`
}

func (u VMUpdate) wire() wireVMUpdate {
	w := wireVMUpdate{
		Description: u.Description, Comment: u.Comment, Memory: (*integer)(u.Memory), DeleteProtected: (*boolean)(u.DeleteProtected),
	}
	if u.GuaranteedMemory != nil || u.MaxMemory != nil {
		w.MemoryPolicy = &wireMemoryUpdate{(*integer)(u.GuaranteedMemory), (*integer)(u.MaxMemory)}
	}
	if u.Sockets != nil || u.Cores != nil || u.Threads != nil {
		w.CPU = &wireCPU{Topology: &wireTopology{
			Sockets: integer(given(u.Sockets)), Cores: integer(given(u.Cores)), Threads: integer(given(u.Threads)),
		}}
	}
	if u.HostIDs != nil {
		w.PlacementPolicy = &wirePlacement{Affinity: "migratable", Hosts: &wireHosts{referAll(*u.HostIDs)}}
	}
	if u.HighAvailability != nil {
		w.HighAvailability = &wireAvailability{Enabled: true, Priority: integer(u.HighAvailability.Priority)}
	} else if u.EndHighAvailability {
		w.HighAvailability = &wireAvailability{}
	}
	if u.LeaseStorageDomainID != nil {
		w.Lease = &wireLease{refer(*u.LeaseStorageDomainID)}
	}
	return w
}
