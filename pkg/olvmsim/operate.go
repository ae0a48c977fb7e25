package olvmsim

import (
	"encoding/json"
	"net/http"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// ErrNotFound is what the Set methods return when the engine holds no such object.
var ErrNotFound = engine.ErrNotFound

// SetStorageAvailable sets how many bytes of the storage domain are free; disks that are written later take from them.
// Below 5 GiB the engine makes no disks there and starts no VMs from it.
func (s *Simulator) SetStorageAvailable(name string, bytes int64) error {
	return s.set(StorageDomainPath(name), StorageDomainChange{AvailableBytes: &bytes}, s.engine.SetStorageAvailable(name, bytes))
}

// SetHostStatus sets a host's status, one of the engine's: up, maintenance, non_responsive and more. VMs that run on it
// go on running; new ones are run by hosts that are up.
func (s *Simulator) SetHostStatus(name, status string) error {
	return s.set(HostPath(name), StatusChange{Status: status}, s.engine.SetHostStatus(name, status))
}

// SetTemplateStatus sets the status of all versions of a template: ok, locked or illegal.
func (s *Simulator) SetTemplateStatus(name, status string) error {
	return s.set(TemplatePath(name), StatusChange{Status: status}, s.engine.SetTemplateStatus(name, status))
}

// HangGuests says whether VMs that are switched on stay without a running guest, as with a boot that gets stuck. Their
// console logs say so. With false, the guests of VMs that are on and hang are started.
func (s *Simulator) HangGuests(hang bool) {
	s.power.setHang(hang)
	_ = s.set(GuestsPath, GuestsChange{Hang: &hang}, nil)
}

// set keeps a change that was made in the journal, as if it had come by the control endpoint.
func (s *Simulator) set(path string, change any, err error) error {
	if err != nil {
		return err
	}
	body, _ := json.Marshal(change) // plain values
	s.operated(http.MethodPut, path, string(body))
	return nil
}
