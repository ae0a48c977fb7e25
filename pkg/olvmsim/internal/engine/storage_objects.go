package engine

import (
	"slices"
	"time"
)

// storageState is what the engine holds of storage beside disks and domains.
type storageState struct {
	keeper  Images
	options TransferOptions
	// transfers are in the order of their start.
	transfers []*Transfer
	// quotas are how many bytes the disks of a storage domain may have, by its id; without an entry there is no limit.
	quotas map[string]int64
	// named are the quotas beside the default ones of the data centers.
	named []Quota
}

// DiskDetails is what most disks leave at its default.
type DiskDetails struct {
	// QuotaID is empty for the default quota of the data center.
	QuotaID string
	// OtherDomainIDs are where further copies of a template's disk are. The slice is never changed in place.
	OtherDomainIDs []string
	// Backup is none or incremental.
	Backup string
	// InitialSize is how much of a thin disk on block storage is allocated at first, in bytes; 0 means the default.
	InitialSize     int64
	PropagateErrors bool
}

// DomainIDs lists the storage domains that hold the disk or a copy of it.
func (d *Disk) DomainIDs() []string {
	return append([]string{d.StorageDomainID}, d.OtherDomainIDs...)
}

// On says whether the storage domain holds the disk or a copy of it.
func (d *Disk) On(domainID string) bool {
	return d.StorageDomainID == domainID || slices.Contains(d.OtherDomainIDs, domainID)
}

// Directions and formats of a Transfer.
const (
	DirectionUpload   = "upload"
	DirectionDownload = "download"
	FormatRaw         = "raw"
	FormatCOW         = "cow"
)

// Policies for a client that does nothing for longer than the transfer's inactivity time-out.
const (
	// PolicyLegacy pauses uploads and cancels downloads.
	PolicyLegacy = "legacy"
	PolicyPause  = "pause"
	PolicyCancel = "cancel"
)

// Phases of a Transfer.
const (
	PhaseTransferring      = "transferring"
	PhaseResuming          = "resuming"
	PhasePausedSystem      = "paused_system"
	PhasePausedUser        = "paused_user"
	PhaseCancelledSystem   = "cancelled_system"
	PhaseCancelledUser     = "cancelled_user"
	PhaseFinalizingSuccess = "finalizing_success"
	PhaseFinalizingFailure = "finalizing_failure"
	PhaseFinalizingCleanup = "finalizing_cleanup"
	PhaseFinishedSuccess   = "finished_success"
	PhaseFinishedFailure   = "finished_failure"
	PhaseFinishedCleanup   = "finished_cleanup"
)

// Times of a Transfer, in engine time.
const (
	// phaseTime is how long each of the phases lasts that the engine walks through by itself.
	phaseTime = time.Second
	// ticketLife and ticketRenewal are the engine's ImageTransferHostTicketValidityInSeconds and how long before its end a
	// ticket is renewed.
	ticketLife    = 300 * time.Second
	ticketRenewal = 60 * time.Second
	// defaultInactivity is the engine's TransferImageClientInactivityTimeoutInSeconds.
	defaultInactivity = 60
	// keepSucceeded and keepFailed are how long a transfer that has ended is still listed.
	keepSucceeded = 15 * time.Minute
	keepFailed    = 30 * time.Minute
)

// TransferOptions are where versions of the engine differ.
type TransferOptions struct {
	// LegacyCancel makes a transfer that its user cancels end in finished_failure, with the disk of an upload left illegal,
	// as engines before 4.4.7 did. Otherwise it ends in finished_cleanup, and an upload's disk is removed.
	LegacyCancel bool
}

// Transfer is an image transfer. The inactivity time-out is in seconds; 0 means that there is none.
type Transfer struct {
	ID, DiskID, SnapshotID, HostID  string
	Direction, Format, Phase        string
	TimeoutPolicy                   string
	InactivityTimeout               int64
	Shallow, Active                 bool
	TransferURL, ProxyURL, TicketID string
	Transferred                     int64

	job *Job
	// moved is what earlier tickets transferred; extended is when the client last asked for more time.
	moved    Spans
	extended time.Time
}

// Upload says whether bytes go to the disk.
func (t *Transfer) Upload() bool { return t.Direction == DirectionUpload }

// Paused says whether the transfer waits for its user.
func (t *Transfer) Paused() bool { return t.Phase == PhasePausedSystem || t.Phase == PhasePausedUser }
