package olvmsim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// happen does to the installation what a fault says. vm names the VM of the call that was hit, if any.
func (s *Simulator) happen(a *armed, vm string) error {
	effect := a.Effect
	switch effect.Kind {
	case VMPoweredOff, VMRemoved, VMRenamed:
		effect.VM = cmp.Or(effect.VM, vm)
	}
	var free int64
	if effect.Kind == StorageFull {
		free, _ = s.storageAvailable(effect.StorageDomain) // disturb says if there is none
	}
	undo, err := s.disturb(effect)
	if err != nil {
		return err
	}
	s.faults.mu.Lock()
	a.undo, a.freeBefore = undo, free
	s.faults.mu.Unlock()
	return nil
}

// disturb carries out an effect on the installation and keeps it in the journal. undo is nil where nothing lasts.
func (s *Simulator) disturb(effect Effect) (undo func(), err error) {
	undo, err = s.apply(effect)
	if err != nil {
		return nil, err
	}
	body, _ := json.Marshal(effect) // plain values
	s.operated(methodDisturb, FaultsPath, string(body))
	return undo, nil
}

func (s *Simulator) apply(e Effect) (undo func(), err error) {
	switch e.Kind {
	case SlowBoot:
		return s.behave(e.VM, engine.GuestBehaviour{Delay: time.Duration(e.Delay) + time.Duration(max(0, e.Factor-1)*float64(usualBoot))})
	case NeverUp:
		return s.behave(e.VM, engine.GuestBehaviour{NeverUp: true})
	case LaunchFails:
		return s.behave(e.VM, engine.GuestBehaviour{FailsToRun: true})
	case GuestHangs:
		s.power.setHang(true)
		return func() { s.power.setHang(false) }, nil
	case DiskLocked:
		pattern := cmp.Or(e.Disk, "*")
		s.engine.StickDisks(pattern)
		return func() { s.engine.UnstickDisks(pattern) }, nil
	case TransferPaused:
		return nil, s.engine.PauseTransfers(cmp.Or(e.Disk, "*"))
	case EngineRestart:
		s.restart(time.Duration(e.Delay), e.Refuse)
		return nil, nil
	case HostDown:
		return nil, s.engine.HostDown(e.Host, e.Migrate)
	case StorageFull:
		before, err := s.storageAvailable(e.StorageDomain)
		if err != nil {
			return nil, err
		}
		return s.restoreStorage(e.StorageDomain, before), s.engine.SetStorageAvailable(e.StorageDomain, e.AvailableBytes)
	case VMPoweredOff:
		return nil, s.engine.PowerOffOutside(e.VM)
	case VMRemoved:
		return nil, s.engine.RemoveOutside(e.VM)
	case VMRenamed:
		return nil, s.engine.RenameOutside(e.VM, e.NewName)
	}
	return nil, fmt.Errorf("effect kind %q is not one on the installation", e.Kind)
}

// usualBoot is when a VM without a guest agent is up after its start.
const usualBoot = time.Minute

func (s *Simulator) behave(pattern string, behaviour engine.GuestBehaviour) (undo func(), err error) {
	pattern = cmp.Or(pattern, "*")
	if err := s.engine.SetGuestBehaviour(pattern, behaviour); err != nil {
		return nil, err
	}
	return func() { _ = s.engine.SetGuestBehaviour(pattern, engine.GuestBehaviour{}) }, nil // the pattern was fine before
}

func (s *Simulator) restoreStorage(name string, available int64) (undo func()) {
	return func() { _ = s.engine.SetStorageAvailable(name, available) } // it was there before
}

func (s *Simulator) storageAvailable(name string) (int64, error) {
	for _, sd := range s.engine.StorageDomains() {
		if sd.Name == name {
			return sd.Available, nil
		}
	}
	return 0, fmt.Errorf("%w: storage domain %q", ErrNotFound, name)
}

// restart is the engine's: sessions live in its memory; what hosts and storage are busy with goes on.
func (s *Simulator) restart(down time.Duration, refuse bool) {
	s.rest.ExpireTokens()
	if down <= 0 {
		return
	}
	s.faults.mu.Lock()
	s.faults.down, s.faults.refuse = true, refuse
	s.faults.restarts++
	number := s.faults.restarts
	s.faults.mu.Unlock()
	s.engine.Schedule(down, func() {
		s.faults.mu.Lock()
		defer s.faults.mu.Unlock()
		if s.faults.restarts == number { // not yet another one
			s.faults.down = false
		}
	})
}

// serveDown answers while the engine is down, except for the control endpoint, which is not the engine's.
func (s *Simulator) serveDown(w http.ResponseWriter) (down bool) {
	s.faults.mu.Lock()
	down, refuse := s.faults.down, s.faults.refuse
	s.faults.mu.Unlock()
	switch {
	case !down:
	case refuse:
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	default:
		w.Header().Set("Connection", "close")
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
	}
	return down
}

// methodDisturb stands in the journal for what happened to the installation without a call.
const methodDisturb = "DISTURB"

// operated keeps in the journal what was done to the simulator itself.
func (s *Simulator) operated(method, path, body string) {
	s.journal.add(Request{
		Time: time.Now(), EngineTime: s.engine.Now(), Method: method, Path: path, RealPath: path, Status: http.StatusNoContent, Body: body,
		Fault: strings.TrimPrefix(method, http.MethodPut),
	})
}
