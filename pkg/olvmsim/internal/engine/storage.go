package engine

import "fmt"

// criticalSpace is how much a storage domain must have free for anything to be written to it: the engine's "critical
// space action blocker", 5 GiB unless an administrator changed it.
const criticalSpace = 5 * gib

// Block says whether disks on the domain are logical volumes.
func (s StorageDomain) Block() bool { return s.Type == "iscsi" || s.Type == "fcp" }

// used is what the domain's disks occupy, in bytes.
func (e *Engine) used(domainID string) (bytes int64) {
	for _, d := range e.disks {
		if d.On(domainID) {
			bytes += d.ActualSize
		}
	}
	return bytes
}

// provisioned is what the domain's disks may occupy at most, in bytes.
func (e *Engine) provisioned(domainID string) (bytes int64) {
	for _, d := range e.disks {
		if d.On(domainID) {
			bytes += d.ProvisionedSize
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

// checkRoom refuses a command that needs room for that many bytes; thin disks take them later.
func (e *Engine) checkRoom(command string, sd StorageDomain, bytes int64, thin bool) error {
	if sd.Status != "active" {
		return conflict(msgDomainInactive, command, sd.Status)
	}
	if limit, ok := e.store.quotas[sd.ID]; ok && e.provisioned(sd.ID)+bytes > limit {
		return conflict(msgQuota, command)
	}
	if err := e.checkSpace(command, sd.ID); err != nil {
		return err
	}
	if !thin && sd.capacity-e.used(sd.ID) < bytes {
		return conflict(msgLowDiskSpace, command, sd.Name)
	}
	return nil
}

// SetStorageAvailable makes that many bytes of the storage domain free from now on, less what disks take later.
func (e *Engine) SetStorageAvailable(name string, bytes int64) error {
	return e.changeStorage(name, func(sd *StorageDomain) { sd.capacity = e.used(sd.ID) + bytes })
}

// SetStorageQuota limits what the storage domain's disks may have together, in bytes of virtual size, from now on.
// Less than 0 takes the limit away.
func (e *Engine) SetStorageQuota(name string, bytes int64) error {
	return e.changeStorage(name, func(sd *StorageDomain) {
		if e.store.quotas == nil {
			e.store.quotas = map[string]int64{}
		}
		e.store.quotas[sd.ID] = bytes
		if bytes < 0 {
			delete(e.store.quotas, sd.ID)
		}
	})
}

func (e *Engine) changeStorage(name string, change func(*StorageDomain)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.storageDomains {
		if e.storageDomains[i].Name == name {
			change(&e.storageDomains[i])
			return nil
		}
	}
	return fmt.Errorf("%w: storage domain %q", ErrNotFound, name)
}
