package rest

import (
	"encoding/json"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// Scalars of the API, see package wire.
type (
	// Int is an integer.
	Int = wire.Int
	// Bool is a boolean.
	Bool = wire.Bool
	// Millis is a date in milliseconds since 1970.
	Millis = wire.Millis
)

// unused is a property that the engine's model has and the simulator takes without effect: clients post whole objects
// back, and only what the model does not have at all is refused.
type unused = json.RawMessage

// Link is a navigation link.
type Link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

// Links are the actions of an object.
type Links struct {
	Link []Link `json:"link,omitempty"`
}

// Ref is a reference to another object; requests may use the name instead of the id.
type Ref struct {
	Href string `json:"href,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// TakesAnything implements wire.Lenient: whatever object is posted in place of a reference, its id and name count.
func (*Ref) TakesAnything() {}

// Fault is the representation of a refusal.
type Fault struct {
	Detail string `json:"detail,omitempty"`
	Reason string `json:"reason"`
}

// Action is the representation of an action, in requests and replies.
type Action struct {
	Fault  *Fault `json:"fault,omitempty"`
	Job    *Ref   `json:"job,omitempty"`
	Status string `json:"status,omitempty"`

	Async                  unused  `json:"async,omitempty"`
	CorrelationID          unused  `json:"correlation_id,omitempty"`
	Disk                   *Disk   `json:"disk,omitempty"`
	DiskProfile            unused  `json:"disk_profile,omitempty"`
	Filter                 unused  `json:"filter,omitempty"`
	Force                  *Bool   `json:"force,omitempty"`
	GracePeriod            unused  `json:"grace_period,omitempty"`
	Host                   *Ref    `json:"host,omitempty"`
	Pause                  *Bool   `json:"pause,omitempty"`
	Quota                  unused  `json:"quota,omitempty"`
	Reason                 *string `json:"reason,omitempty"`
	Snapshot               *Ref    `json:"snapshot,omitempty"`
	StorageDomain          *Ref    `json:"storage_domain,omitempty"`
	Ticket                 *Ticket `json:"ticket,omitempty"`
	UseCloudInit           *Bool   `json:"use_cloud_init,omitempty"`
	UseIgnition            *Bool   `json:"use_ignition,omitempty"`
	UseInitialization      *Bool   `json:"use_initialization,omitempty"`
	UseSysprep             *Bool   `json:"use_sysprep,omitempty"`
	VM                     *VM     `json:"vm,omitempty"`
	Volatile               unused  `json:"volatile,omitempty"`
	AutoPinningPolicy      unused  `json:"auto_pinning_policy,omitempty"`
	Cluster                unused  `json:"cluster,omitempty"`
	CollapseSnapshots      unused  `json:"collapse_snapshots,omitempty"`
	DiscardSnapshots       unused  `json:"discard_snapshots,omitempty"`
	Disks                  unused  `json:"disks,omitempty"`
	Exclusive              unused  `json:"exclusive,omitempty"`
	Lease                  unused  `json:"lease,omitempty"`
	MaintenanceEnabled     unused  `json:"maintenance_enabled,omitempty"`
	MigrateAffinityClosure unused  `json:"migrate_vms_in_affinity_closure,omitempty"`
	OptimizeCPUSettings    unused  `json:"optimize_cpu_settings,omitempty"`
	RestoreMemory          unused  `json:"restore_memory,omitempty"`
	Activate               unused  `json:"activate,omitempty"`
}

// Version is a version of the product or of a compatibility level.
type Version struct {
	Build       *Int   `json:"build,omitempty"`
	FullVersion string `json:"full_version,omitempty"`
	Major       Int    `json:"major"`
	Minor       Int    `json:"minor"`
	Revision    *Int   `json:"revision,omitempty"`
}

// millis is a date: nil when there is none.
func millis(t time.Time) *Millis {
	if t.IsZero() {
		return nil
	}
	return ptr(Millis(t.UnixMilli()))
}

func ptr[T any](v T) *T { return &v }
