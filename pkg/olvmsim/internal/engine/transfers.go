package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// TransferAdd is a request for a transfer of a disk, or of the disk that a snapshot's image belongs to.
type TransferAdd struct {
	DiskID, SnapshotID, HostID       string
	Direction, Format, TimeoutPolicy string
	// InactivityTimeout is in seconds; nil means the default.
	InactivityTimeout *int64
	Shallow           bool
}

// AddTransfer starts a transfer. For a disk that exists it is transferring when this returns, unless no host is up: then
// it has failed.
func (e *Engine) AddTransfer(call Call, add TransferAdd) (Transfer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	disk, err := e.transferDisk(add)
	if err != nil {
		return Transfer{}, err
	}
	if err := e.authorize(call, permitEditDisk, Object{TypeDisk, disk.ID}); err != nil {
		return Transfer{}, err
	}
	t := &Transfer{
		DiskID: disk.ID, SnapshotID: add.SnapshotID, Direction: cmp.Or(add.Direction, DirectionUpload), Format: cmp.Or(add.Format, disk.Format),
		TimeoutPolicy: cmp.Or(add.TimeoutPolicy, PolicyLegacy), InactivityTimeout: defaultInactivity, Shallow: add.Shallow,
	}
	set(&t.InactivityTimeout, add.InactivityTimeout)
	if err := e.checkTransfer(disk, t); err != nil {
		return Transfer{}, err
	}
	host, ok := e.transferHost(disk, add.HostID)
	if add.HostID != "" && !ok {
		return Transfer{}, conflict(msgTransferHost, add.HostID)
	}
	t.ID, t.HostID = e.newID(), host.ID
	t.job = e.startJob(call, fmt.Sprintf("Transferring Image of Disk %s (%s)", disk.Alias, t.Direction))
	e.store.transfers = append(e.store.transfers, t)
	e.logEvent(eventTransferStarted, "", call.CorrelationID,
		fmt.Sprintf("Image %s with disk %s was initiated by %s.", titled(t.Direction), disk.Alias, call.User.Name))
	if !ok {
		e.finishTransfer(t, PhaseFinishedFailure, disk.Status)
		return e.transferSnapshot(t), nil
	}
	disk.Status = StatusLocked
	e.openTicket(t)
	return e.transferSnapshot(t), nil
}

func (e *Engine) transferDisk(add TransferAdd) (*Disk, error) {
	if disk, ok := e.disks[add.DiskID]; ok {
		return disk, nil
	}
	for _, disk := range e.disks {
		if add.SnapshotID != "" && disk.ImageID == add.SnapshotID {
			return disk, nil
		}
	}
	return nil, noReferenced("Disk", Ref{ID: cmp.Or(add.DiskID, add.SnapshotID)})
}

func (e *Engine) checkTransfer(disk *Disk, t *Transfer) error {
	sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
	switch {
	case disk.Status == StatusLocked:
		return conflict(msgTransferLocked)
	case disk.Status == StatusIllegal && !t.Upload():
		return conflict(msgTransferIllegal, disk.Alias)
	case sd.Status != "active":
		return conflict(msgDomainInactive, "transfer Virtual Disk", sd.Status)
	}
	for _, id := range e.owners(disk.ID) {
		if v, ok := e.vms[id]; ok && v.Status != StatusDown && slices.ContainsFunc(v.Disks, func(a Attachment) bool {
			return a.DiskID == disk.ID && a.Active
		}) {
			return conflict(msgTransferPlugged, disk.Alias, v.Name)
		}
	}
	if t.Upload() {
		return e.checkSpace("transfer Virtual Disk", sd.ID)
	}
	return nil
}

// transferHost is the host that was asked for, or the first one, by name, that is up in the disk's data center.
func (e *Engine) transferHost(disk *Disk, id string) (Host, bool) {
	sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID})
	up := slices.DeleteFunc(slices.Clone(e.hosts), func(h Host) bool {
		return h.Status != StatusUp || id != "" && h.ID != id || e.clusterByID(h.ClusterID).DataCenterID != sd.DataCenterID
	})
	if len(up) == 0 {
		return Host{}, false
	}
	return slices.MinFunc(up, func(a, b Host) int { return cmp.Compare(a.Name, b.Name) }), true
}

// openTicket lets the client at the disk.
func (e *Engine) openTicket(t *Transfer) {
	now, disk := e.timeline.now(), e.diskOf(t)
	t.Phase, t.TicketID, t.extended = PhaseTransferring, e.newID(), now
	e.images().Grant(Ticket{
		ID: t.TicketID, DiskID: disk.ID, Write: t.Upload(), Format: t.Format, DiskFormat: disk.Format,
		VirtualSize: disk.ProvisionedSize, Limit: e.fileLimit(disk), Until: now.Add(ticketLife), Moved: t.moved,
	}, now)
	t.TransferURL, t.ProxyURL = e.images().URLs(t.TicketID)
	e.keepTicket(t, t.TicketID)
	e.watchClient(t, t.TicketID, time.Duration(t.InactivityTimeout)*time.Second)
}

// fileLimit is how large a file may be that is stored as it is: on file storage a tenth more than the virtual size and a
// little for the tables, on block storage what the logical volume has.
func (e *Engine) fileLimit(disk *Disk) int64 {
	if sd, _ := e.storageDomainByRef(Ref{ID: disk.StorageDomainID}); sd.Block() {
		return max(volumeSize(disk), disk.ActualSize)
	}
	return (disk.ProvisionedSize*11+9)/10 + mib
}

// keepTicket renews the ticket before it expires, as long as it is in use.
func (e *Engine) keepTicket(t *Transfer, ticketID string) {
	e.later(ticketLife-ticketRenewal, func() {
		if t.Phase == PhaseTransferring && t.TicketID == ticketID {
			e.images().Renew(ticketID, e.timeline.now().Add(ticketLife))
			e.keepTicket(t, ticketID)
		}
	})
}

// watchClient looks after that time whether the client has been idle for too long.
func (e *Engine) watchClient(t *Transfer, ticketID string, after time.Duration) {
	if t.InactivityTimeout <= 0 {
		return
	}
	e.later(after, func() {
		if t.Phase != PhaseTransferring || t.TicketID != ticketID {
			return
		}
		limit := time.Duration(t.InactivityTimeout) * time.Second
		progress := e.images().Progress(ticketID)
		last := progress.LastActivity
		if t.extended.After(last) {
			last = t.extended
		}
		idle := e.timeline.now().Sub(last)
		switch {
		case progress.InFlight > 0:
			e.watchClient(t, ticketID, limit)
		case idle < limit:
			e.watchClient(t, ticketID, limit-idle)
		default:
			e.timeOut(t)
		}
	})
}

// timeOut does what the transfer's policy says of clients that have gone away.
func (e *Engine) timeOut(t *Transfer) {
	if t.TimeoutPolicy == PolicyPause || t.TimeoutPolicy == PolicyLegacy && t.Upload() {
		e.pauseTransfer(t, PhasePausedSystem)
		return
	}
	e.endTransfer(t, PhaseCancelledSystem, PhaseFinalizingFailure, PhaseFinishedFailure)
}

// pauseTransfersOn pauses what goes through a host that is lost.
func (e *Engine) pauseTransfersOn(hostID string) {
	for _, t := range e.store.transfers {
		if t.HostID == hostID && t.Phase == PhaseTransferring {
			e.pauseTransfer(t, PhasePausedSystem)
		}
	}
}

func (e *Engine) pauseTransfer(t *Transfer, phase string) {
	e.closeTicket(t)
	t.Phase = phase
}

// closeTicket shuts the client out and keeps the count.
func (e *Engine) closeTicket(t *Transfer) {
	if t.TicketID == "" {
		return
	}
	t.moved = e.images().Progress(t.TicketID).Moved
	e.images().Revoke(t.TicketID)
	t.TicketID, t.TransferURL, t.ProxyURL = "", "", ""
}

// transferring says whether a transfer of the disk has not ended.
func (e *Engine) transferring(diskID string) bool {
	return slices.ContainsFunc(e.store.transfers, func(t *Transfer) bool {
		return t.DiskID == diskID && !strings.HasPrefix(t.Phase, "finished_")
	})
}

// Transfers lists the transfers in the order of their start, those that have ended lately included.
func (e *Engine) Transfers() []Transfer {
	return locked(e, func() []Transfer {
		out := make([]Transfer, 0, len(e.store.transfers))
		for _, t := range e.store.transfers {
			out = append(out, e.transferSnapshot(t))
		}
		return out
	})
}

func (e *Engine) transferSnapshot(t *Transfer) Transfer {
	out := *t
	out.Transferred = t.moved.Total()
	if t.TicketID != "" {
		progress := e.images().Progress(t.TicketID)
		out.Transferred, out.Active = progress.Moved.Total(), progress.InFlight > 0
	}
	return out
}

func titled(word string) string { return strings.ToUpper(word[:1]) + word[1:] }
