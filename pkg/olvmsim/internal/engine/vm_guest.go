package engine

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// GuestBehaviour is how guests differ from healthy ones. The zero value is a healthy guest.
type GuestBehaviour struct {
	// Deaf guests do not halt on a shutdown; only a stop helps.
	Deaf bool
	// NeverUp keeps VMs powering up.
	NeverUp bool
	// FailsToRun sends VMs back to down while they are launched.
	FailsToRun bool
	// Silent guests report no addresses.
	Silent bool
	// Delay is added to the engine time until VMs are up.
	Delay time.Duration
}

type namedBehaviour struct {
	pattern string
	GuestBehaviour
}

// SetGuestBehaviour says how the guests of VMs behave whose names match the pattern (path.Match), from their next change
// of state on. The newest pattern that matches counts.
func (e *Engine) SetGuestBehaviour(pattern string, b GuestBehaviour) error {
	if _, err := path.Match(pattern, ""); err != nil {
		return fmt.Errorf("guest behaviour: pattern %q: %w", pattern, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behaviours = slices.DeleteFunc(e.behaviours, func(other namedBehaviour) bool { return other.pattern == pattern })
	e.behaviours = append(e.behaviours, namedBehaviour{pattern, b})
	return nil
}

func (e *Engine) behaviourOf(v *VM) GuestBehaviour {
	for i := len(e.behaviours) - 1; i >= 0; i-- {
		if ok, _ := path.Match(e.behaviours[i].pattern, v.Name); ok { // SetGuestBehaviour checked the pattern
			return e.behaviours[i].GuestBehaviour
		}
	}
	return GuestBehaviour{}
}

// ReportAddresses makes the engine ask report for the addresses that a VM's guest has. It is called without the engine's
// lock, from several goroutines.
func (e *Engine) ReportAddresses(report func(vmID string) []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reporter = report
}

// GuestReport is what a guest's agent tells the engine.
type GuestReport struct {
	ID, FQDN, Interface, MAC string
	Addresses                []string
}

// Reported is what the VM's guest reports: nothing before the VM is up, or where nobody knows.
func (e *Engine) Reported(v VM) GuestReport {
	e.mu.Lock()
	report, silent := e.reporter, e.behaviourOf(&v).Silent
	e.mu.Unlock()
	if report == nil || silent || v.Status != StatusUp {
		return GuestReport{}
	}
	addresses := report(v.ID)
	if len(addresses) == 0 {
		return GuestReport{}
	}
	out := GuestReport{ID: stableID("", "reporteddevice", v.ID), FQDN: v.Name, Interface: "eth0", Addresses: addresses}
	if v.Init != nil && deref(v.Init.HostName) != "" {
		out.FQDN = *v.Init.HostName
	}
	if len(v.NICs) > 0 {
		out.MAC = v.NICs[0].MAC
	}
	return out
}
