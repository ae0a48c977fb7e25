package libvirt

import (
	"errors"
	"fmt"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
)

// Reasons that an *Error can have; match them with errors.Is.
var (
	ErrUnsupportedURI = errors.New("this version cannot use the URI")
	ErrNoDaemon       = errors.New("no libvirt daemon answers")
	ErrNoPermission   = errors.New("no permission")
	ErrNoSpace        = errors.New("not enough space in the storage pool")
	ErrNoPool         = errors.New("there is no such storage pool")
	ErrNoNetwork      = errors.New("there is no such network")
	ErrNoDHCP         = errors.New("the network has no DHCP server of libvirt")
	ErrNoAddress      = errors.New("no address is free")
	ErrNoPort         = errors.New("no port is free")
	ErrNotOurs        = errors.New("it exists and was not made by ocne")
	ErrImage          = errors.New("the image cannot be used")
	ErrTooManyNodes   = errors.New("user-mode networking connects no nodes with each other")
	ErrNoCluster      = errors.New("there is no such cluster on this host")
	ErrTooLate        = errors.New("it has not registered as a node")
	ErrOthers         = errors.New("it is the management cluster of somebody else")
	ErrStopped        = errors.New("the virtual machine has stopped")

	errIncomplete = errors.New("incomplete")
	errNoIdentity = errors.New("it holds no certificates of a cluster") // what else it holds is a secret
	errNoSLIRP    = errors.New("the host's QEMU has no user-mode networking (SLIRP)")
	errTooLong    = errors.New("it is longer than was announced")
)

// Error is what could not be done on a libvirt host.
type Error struct {
	// Op and Object say what was being done, and to what: "upload base volume", "ocne-base-1234".
	Op, Object string
	// Err is the reason, in libvirt's own words where it gave one.
	Err error
	// Remedy says what to do next; it may be empty.
	Remedy string
	// Console holds the last lines of the virtual machine's serial console, where there is one.
	Console []string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %v", e.Op, e.Object, e.Err)
	if len(e.Console) > 0 {
		text += "\nthe last lines of its console:\n  " + strings.Join(e.Console, "\n  ")
	}
	return text
}

// Advice is the remedy, in the way of all errors of ocne.
func (e *Error) Advice() string { return e.Remedy }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// failed wraps an error once with what was being done; nil stays nil.
func failed(op, object string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Op: op, Object: object, Err: err}
}

// isCode says whether libvirt answered with one of these codes.
func isCode(err error, codes ...rpc.ErrorNumber) bool {
	var answer rpc.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range codes {
		if answer.Code == uint32(code) {
			return true
		}
	}
	return false
}

// unless returns nil for an error with one of these codes: that something is gone already when it shall be removed.
func unless(err error, codes ...rpc.ErrorNumber) error {
	if isCode(err, codes...) {
		return nil
	}
	return err
}
