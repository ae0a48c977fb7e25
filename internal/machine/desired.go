package machine

import (
	"time"

	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// Desired is what is wanted of one machine, and what is known of it without asking the engine.
type Desired struct {
	// VMID was chosen by us and written to the machine before anything was asked of the engine.
	VMID string
	// Owner is the mark without addresses.
	Owner Mark
	// Names and Place say where the VM belongs; Place is empty while deleting.
	Names engine.PlaceNames
	Place engine.Place
	// MadeIn is the engine's id of the cluster that the VM was made in; empty when it is not known.
	MadeIn string
	// Shape is what the spec says of the VM beside its size; it is empty while deleting, but for Protected.
	Shape Shape
	// NIC is the first NIC of the VM, which carries the node's address.
	NIC ovirt.NIC
	// AdditionalNICs are those beside it, in their order.
	AdditionalNICs []AdditionalNIC
	// Siblings are the VMs whose hosts it keeps away from.
	Siblings Siblings
	// HostIDs are the only hosts that it may be on; any when empty.
	HostIDs []string
	// LabelIDs are the affinity labels that it has.
	LabelIDs []string

	// Storage says where its disks go and how large they are.
	Storage

	// Deleting turns everything around.
	Deleting bool
	// Submitted is when the VM's creation was asked for last; zero means never.
	Submitted time.Time
	// Seen says that the VM was in the engine once, and SeenBy who saw it last.
	Seen   bool
	SeenBy string
	// Username is who asks the engine now.
	Username string
	// Provisioned says that it ran once. It is never created or started again by us.
	Provisioned bool
	// Started is when we last asked for its start; zero means never.
	Started time.Time
	// Stopped is when we last changed it to delete it; zero means never.
	Stopped time.Time
	// NodeJoined says that the node is a member of its cluster, so its boot document has done its work.
	NodeJoined bool
	// Cleared says that the boot document was removed from the engine.
	Cleared bool
}

// Siblings are VMs in one affinity group, which says that they run on different hosts.
type Siblings struct {
	// Name of the group; empty for a VM without siblings.
	Name string
	// Mark is the group's.
	Mark GroupMark
	// Hard: a VM waits until there is a host without a sibling.
	Hard bool
}

// MayTakeEffect says whether a request for the VM may still be on its way to the engine: a repeated one must ask for the same.
func (d Desired) MayTakeEffect(now time.Time) bool {
	return !d.Submitted.IsZero() && now.Sub(d.Submitted) < SubmitWindow
}
