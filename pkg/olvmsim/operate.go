package olvmsim

import "github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"

// ErrNotFound is what the Set methods return when the engine holds no such object.
var ErrNotFound = engine.ErrNotFound

// SetStorageAvailable sets how many bytes of the storage domain are free; disks that are written later take from them.
// Below 5 GiB the engine makes no disks there and starts no VMs from it.
func (s *Simulator) SetStorageAvailable(name string, bytes int64) error {
	return s.engine.SetStorageAvailable(name, bytes)
}

// SetHostStatus sets a host's status, one of the engine's: up, maintenance, non_responsive and more. VMs that run on it
// go on running; new ones are run by hosts that are up.
func (s *Simulator) SetHostStatus(name, status string) error {
	return s.engine.SetHostStatus(name, status)
}

// SetTemplateStatus sets the status of all versions of a template: ok, locked or illegal.
func (s *Simulator) SetTemplateStatus(name, status string) error {
	return s.engine.SetTemplateStatus(name, status)
}

// HangGuests says whether VMs that are switched on stay without a running guest, as with a boot that gets stuck. Their
// console logs say so. With false, the guests of VMs that are on and hang are started.
func (s *Simulator) HangGuests(hang bool) { s.power.setHang(hang) }
