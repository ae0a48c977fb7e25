package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotFound says that what a test or an operator of the simulator wants to change is not there.
var ErrNotFound = errors.New("not found")

const (
	hostStatuses = "connecting down error initializing install_failed installing installing_os kdumping maintenance non_operational " +
		"non_responsive pending_approval preparing_for_maintenance reboot unassigned up"
	templateStatuses = "illegal locked ok"
)

// SetHostStatus changes what the host's status is. VMs that run there go on; new ones run on hosts that are up.
func (e *Engine) SetHostStatus(name, status string) error {
	if err := checkStatus("host", name, status, hostStatuses); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.hosts {
		if e.hosts[i].Name == name {
			e.hosts[i].Status = status
			return nil
		}
	}
	return fmt.Errorf("%w: host %q", ErrNotFound, name)
}

// SetTemplateStatus changes what the status of the template is, of all its versions.
func (e *Engine) SetTemplateStatus(name, status string) error {
	if err := checkStatus("template", name, status, templateStatuses); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	found := false
	for _, t := range e.templates {
		if t.Name == name {
			t.Status, found = status, true
		}
	}
	if !found {
		return fmt.Errorf("%w: template %q", ErrNotFound, name)
	}
	return nil
}

func checkStatus(kind, name, status, allowed string) error {
	if !slices.Contains(strings.Fields(allowed), status) {
		return fmt.Errorf("%s %s: status %q: must be one of %s", kind, name, status, strings.Join(strings.Fields(allowed), ", "))
	}
	return nil
}
