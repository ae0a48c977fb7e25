package engine

import "fmt"

// criticalSpace is how much a storage domain must have free for anything to be written to it: the engine's "critical
// space action blocker", 5 GiB unless an administrator changed it.
const criticalSpace = 5 * gib

// used is what the domain's disks occupy, in bytes.
func (e *Engine) used(domainID string) (bytes int64) {
	for _, d := range e.disks {
		if d.StorageDomainID == domainID {
			bytes += d.ActualSize
		}
	}
	return bytes
}

// checkSpace refuses a command that would write to storage domains of which one is nearly full.
func (e *Engine) checkSpace(command string, domainIDs ...string) error {
	for _, sd := range e.storageDomains {
		for _, id := range domainIDs {
			if sd.ID == id && sd.capacity-e.used(id) < criticalSpace {
				return conflict(msgLowDiskSpace, command, sd.Name)
			}
		}
	}
	return nil
}

// SetStorageAvailable makes that many bytes of the storage domain free from now on, less what disks take later.
func (e *Engine) SetStorageAvailable(name string, bytes int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.storageDomains {
		if e.storageDomains[i].Name == name {
			e.storageDomains[i].capacity = e.used(e.storageDomains[i].ID) + bytes
			return nil
		}
	}
	return fmt.Errorf("%w: storage domain %q", ErrNotFound, name)
}
