package engine

import "time"

// Images keeps the bytes of disks and lets clients at them. Its methods are called with the engine locked: they must not
// wait for a client and must not call the engine.
type Images interface {
	// URLs are where clients find a ticket, on the host and on the proxy.
	URLs(ticketID string) (host, proxy string)
	Grant(ticket Ticket, now time.Time)
	Renew(ticketID string, until time.Time)
	// Revoke makes a ticket unusable. When it returns, nothing is written any more.
	Revoke(ticketID string)
	Progress(ticketID string) Progress
	// Check says why what was uploaded as a qcow2 image is not fit for a disk of that size.
	Check(diskID string, virtualSize int64) error
	// Allocated is the space that a disk takes, in bytes.
	Allocated(diskID string) int64
	// Share makes the second disk's bytes those of the first, until one of them is written.
	Share(from, to string)
	Remove(diskID string)
	// Retain drops the bytes of all disks that are not known.
	Retain(known func(diskID string) bool)
}

// Ticket lets a client that knows its id at the bytes of a disk. Sizes are bytes.
type Ticket struct {
	ID, DiskID string
	// Write is true for uploads. Who may write may read.
	Write bool
	// Format is what the client sends or gets: raw is what a guest sees, cow a qcow2 image. DiskFormat is the disk's.
	Format, DiskFormat string
	// VirtualSize is the disk's, Limit what a file may have that is stored as it is.
	VirtualSize, Limit int64
	// Until is when the ticket expires unless it is renewed.
	Until time.Time
	// Moved is what was transferred by earlier tickets of the same transfer.
	Moved Spans
}

// Progress is what has happened with a ticket.
type Progress struct {
	Moved        Spans
	InFlight     int
	LastActivity time.Time
}

// noImages stands in where nobody keeps the bytes.
type noImages struct{}

func (noImages) URLs(string) (host, proxy string) { return "", "" }
func (noImages) Grant(Ticket, time.Time)          {}
func (noImages) Renew(string, time.Time)          {}
func (noImages) Revoke(string)                    {}
func (noImages) Progress(string) Progress         { return Progress{} }
func (noImages) Check(string, int64) error        { return nil }
func (noImages) Allocated(string) int64           { return 0 }
func (noImages) Share(string, string)             {}
func (noImages) Remove(string)                    {}
func (noImages) Retain(func(string) bool)         {}

// UseImages says who keeps the bytes of disks. It is called before Run, once the engine holds its disks: what is kept of
// other disks is dropped.
func (e *Engine) UseImages(images Images, options TransferOptions) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.store.keeper, e.store.options = images, options
	images.Retain(func(id string) bool { return e.disks[id] != nil })
}

// images is who keeps the bytes of disks.
func (e *Engine) images() Images {
	if e.store.keeper == nil {
		return noImages{}
	}
	return e.store.keeper
}
