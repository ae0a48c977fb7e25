package upload

import (
	"fmt"
	"strings"
)

// SizeError says that the disk would be smaller than what it is to hold; sizes are bytes.
type SizeError struct {
	Name         string
	Size, Needed int64
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("disk %s: its size of %d bytes is less than the image's virtual size of %d bytes; ask for at least %s",
		e.Name, e.Size, e.Needed, gibibytes(e.Needed))
}

// gibibytes rounds up.
func gibibytes(n int64) string { return fmt.Sprintf("%d GiB", (n+1<<30-1)>>30) }

// StorageDomainError says that the storage domain cannot be used.
type StorageDomainError struct {
	Name string
	// Status is the domain's, empty when there is no domain of that name. Near are the names that there are, the nearest first.
	Status string
	Near   []string
}

func (e *StorageDomainError) Error() string {
	switch {
	case e.Status != "":
		return fmt.Sprintf("storage domain %q is %s; activate it in the engine, or name another one", e.Name, e.Status)
	case len(e.Near) == 0:
		return fmt.Sprintf("this user sees no storage domain %q in the data center, and no other either; let the engine's administrator "+
			"give a role on it", e.Name)
	}
	return fmt.Sprintf("this user sees no storage domain %q in the data center; it sees %s", e.Name, strings.Join(e.Near, ", "))
}

// NoSpaceError says that the storage domain has too little room; sizes are bytes.
type NoSpaceError struct {
	StorageDomain     string
	Available, Needed int64
	// Err is the engine's refusal, nil when the engine was not asked.
	Err error
}

func (e *NoSpaceError) Error() string {
	text := fmt.Sprintf("storage domain %q has %d MiB left and the image needs %d MiB", e.StorageDomain, e.Available>>20, e.Needed>>20)
	if e.Err != nil {
		text = fmt.Sprintf("the engine finds no room in storage domain %q (%d MiB left, the image needs %d MiB): %v", e.StorageDomain,
			e.Available>>20, e.Needed>>20, e.Err)
	}
	return text + "; remove what is not needed there, or name another storage domain"
}

// Unwrap gives the engine's refusal.
func (e *NoSpaceError) Unwrap() error { return e.Err }

// DiskExistsError says that a disk has the name already.
type DiskExistsError struct {
	Name, DiskID string
	// Unfinished: it is of an upload of this image whose state is not here: one that runs elsewhere, or was killed.
	Unfinished bool
	// Ours: we uploaded it, but it is another image, or of another size or status.
	Ours bool
}

func (e *DiskExistsError) Error() string {
	text := fmt.Sprintf("disk %s (id %s) is in the engine already", e.Name, e.DiskID)
	switch {
	case e.Unfinished:
		return text + ": an upload of this image that has not ended; if it does not run anywhere, remove it with --abort"
	case e.Ours:
		return text + " and holds another image, or is not usable; remove it, or take another name"
	}
	return text + " and was not made by ocne; take another name"
}

// UnreachableError says that no server of images could be reached.
type UnreachableError struct {
	// Host and Proxy are host:port of the two that the engine named, and the errors what came of trying.
	Host, Proxy       string
	HostErr, ProxyErr error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("neither the host %s nor the engine's proxy %s takes the image: %v; %v; let this machine reach one of the two ports",
		e.Host, e.Proxy, e.HostErr, e.ProxyErr)
}

// Unwrap gives both causes.
func (e *UnreachableError) Unwrap() []error { return []error{e.HostErr, e.ProxyErr} }

// TransferError says that the engine ended the transfer.
type TransferError struct {
	Name, Phase string
	// Detail says what that means.
	Detail string
}

func (e *TransferError) Error() string {
	return fmt.Sprintf("upload to disk %s: the engine ended it (%s): %s", e.Name, e.Phase, e.Detail)
}

// ContentError says that what the engine has is not what was sent.
type ContentError struct {
	Name, Detail string
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("disk %s: the engine does not hold what was sent: %s; look for errors of the storage in the host's logs, and try again",
		e.Name, e.Detail)
}

// BusyError says that another process works with the same state.
type BusyError struct{ Path string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another upload of this image runs on this machine (lock on %s); wait until it ends", e.Path)
}
