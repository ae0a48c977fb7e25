package engine

import "time"

// Further statuses, in the words of the engine's API model.
const (
	StatusPaused         = "paused"
	StatusMigrating      = "migrating"
	StatusReboot         = "reboot_in_progress"
	StatusSavingState    = "saving_state"
	StatusRestoringState = "restoring_state"
	StatusSuspended      = "suspended"
	StatusInPreview      = "in_preview"
	StatusMaintenance    = "maintenance"
	StatusPreparing      = "preparing_for_maintenance"
)

// Protocols of graphics consoles.
const (
	GraphicsSPICE = "spice"
	GraphicsVNC   = "vnc"
)

// Affinities of a placement policy.
const affinityPinned = "pinned"

// CustomProperty is a named value that the hosts' hooks read, such as hugepages.
type CustomProperty struct{ Name, Value string }

// Features are the devices and the placement of a VM or template. Slices are never changed in place.
type Features struct {
	CustomProperties         []CustomProperty
	SerialConsole, Soundcard bool
	// PlacementHosts are the ids of the only hosts that the VM starts on; empty means any.
	PlacementHosts []string
	// Graphics are the protocols of the graphics consoles.
	Graphics                   []string
	CustomCPUModel, TimeZone   string
	VirtioSCSI, StartPaused    bool
	CustomEmulatedMachine      string
	CPUShares, IOThreads       int64
	MigrationDowntime          *int64
	CustomCompatibilityVersion string
}

// VMState is what a VM has beside its hardware. Slices are never changed in place.
type VMState struct {
	InstanceTypeID string
	TagIDs         []string
	// LeaseDomainID is the storage domain with the VM's lease; empty means that there is none.
	LeaseDomainID string
	// QuotaID is empty unless a request named one.
	QuotaID string
	// Snapshots do not include the active VM, which every VM has.
	Snapshots []Snapshot
	// CDFile is what is in the drive from the next start on, CurrentCDFile what is in it now; empty means nothing.
	CDFile, CurrentCDFile string
	// NextRun is what becomes the hardware when the VM goes down; nil means no change.
	NextRun *Hardware
	// RunOnce says that this run was started with settings of its own.
	RunOnce bool
	// Frozen says that the guest's file systems are frozen.
	Frozen bool

	// waitingBoot is what a VM boots with that waits for its launch, or is paused before its guest runs.
	waitingBoot *Boot
	// previewed is the hardware to go back to from the preview of a snapshot.
	previewed *Hardware
}

// NICConfiguration is how the config drive configures a NIC. Nil means "not said".
type NICConfiguration struct {
	Name, BootProtocol, IPv6BootProtocol *string
	OnBoot                               *bool
	IP, IPv6                             *IP
}

// IP is an address with its network: a dotted mask for v4, a prefix length for v6. Nil means "not said".
type IP struct{ Address, Gateway, Netmask, Version *string }

// Snapshot is a point in a VM's life.
type Snapshot struct {
	ID, Description, Status, Type string
	Date                          time.Time
	PersistMemory                 bool
	// Hardware is the VM's at that time.
	Hardware Hardware
}

// Tag marks VMs. The root is the parent of all that have no other one.
type Tag struct{ ID, Name, Description, ParentID string }

// RootTagID is the id of the tag that every engine has.
const RootTagID = BlankTemplateID

// AffinityRule is one of the two rules of an affinity group: positive means together, enforcing means or not at all.
type AffinityRule struct{ Enabled, Enforcing, Positive bool }

// AffinityGroup says which VMs run together, apart, or where. Members are ids.
type AffinityGroup struct {
	ID, Name, Description, ClusterID string
	Priority                         float64
	// VMsRule is about the VMs among each other, HostsRule about the VMs and the hosts.
	VMsRule, HostsRule               AffinityRule
	VMs, Hosts, VMLabels, HostLabels []string
	// Broken says that a member runs where a rule does not want it; only in what AffinityGroups lists.
	Broken bool `json:"-"`
}

// AffinityLabel marks VMs and hosts. Members are ids.
type AffinityLabel struct {
	ID, Name string
	// Implicit makes the VMs run on the label's hosts only.
	Implicit   bool
	VMs, Hosts []string
}

// arrangement is how the VMs are marked and arranged. The engine's mutex guards it.
type arrangement struct {
	tags           map[string]*Tag
	affinityGroups map[string]*AffinityGroup
	affinityLabels map[string]*AffinityLabel
	// affinityLocks holds the ids of groups that somebody else edits.
	affinityLocks map[string]bool
	behaviours    []namedBehaviour
	// maxVMName is 0 for the default.
	maxVMName int
	reporter  func(vmID string) []string
}

// Permits of the commands on VMs, beside those in access.go.
const (
	permitRebootVM    = "reboot_vm"
	permitResetVM     = "reset_vm"
	permitHibernateVM = "hibernate_vm"
	permitMigrateVM   = "migrate_vm"
	permitConnectVM   = "connect_to_vm"
	permitChangeCD    = "change_vm_cd"
	permitSnapshots   = "manipulate_vm_snapshots"
	permitExportVM    = "import_export_vm"
	permitTags        = "tag_management"
	permitAffinity    = "manipulate_affinity_groups"
	permitHost        = "manipulate_host"
)

// Codes of the audit log (AuditLogType), beside those in jobs.go.
const (
	eventUpdated         = 35
	eventPaused          = 39
	eventRunFailed       = 54
	eventMigrationStart  = 62
	eventMigrationDone   = 63
	eventMigrationFailed = 65
	eventSnapshotStarted = 45
	eventSnapshotDone    = 68
	eventShutdown        = 73
	eventHostKilledVM    = 142
	eventReboot          = 157
	eventSuspending      = 501
	eventSuspended       = 503
	eventSnapshotRemoved = 356
	eventHAFailed        = 9602
	eventNICRemoved      = 930
	eventNICAdded        = 932
	eventNICUpdated      = 934
	eventNICActivated    = 1012
	eventNICDeactivated  = 1014
	eventHostMaintenance = 600
	eventHostDown        = 12
	eventAlreadyDown     = 9806
)

// Severities of events.
const (
	severityWarning = "warning"
	severityError   = "error"
)

// logAs is logEvent with a severity.
func (e *Engine) logAs(severity string, code int, vmID, correlationID, description string) {
	e.logEvent(code, vmID, correlationID, description)
	e.events[len(e.events)-1].Severity = severity
}
