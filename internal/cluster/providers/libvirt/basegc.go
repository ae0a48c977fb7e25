package libvirt

import (
	"strconv"
	"strings"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"
)

// removeUnusedBases removes the base volumes of a pool that no volume is a copy of and no domain uses, whoever made those: all complete ones, and
// of the others those of the cluster.
func (h *host) removeUnusedBases(p rpc.StoragePool, cluster string, used map[string]bool) error {
	all, err := h.volumes(p)
	if err != nil {
		return err
	}
	if err := h.removeProbes(all); err != nil {
		return err
	}
	bases, complete := baseVolumes(all)
	for b, v := range bases {
		path, err := h.StorageVolGetPath(v)
		if err != nil {
			return failed("look at volume", v.Name, err)
		}
		if used[path] {
			continue
		}
		if !complete[b] {
			if err := h.removeAbandoned(b, v, cluster); err != nil {
				return err
			}
			continue
		}
		// The mark goes first: what is left of a base without it is never taken for a complete one.
		if ready, exists, err := h.findVolume(p, b.ready()); err != nil || exists {
			if err == nil {
				err = h.removeVolume(ready)
			}
			if err != nil {
				return err
			}
		}
		if err := h.removeVolume(v); err != nil {
			return err
		}
	}
	return h.removeLone(p, all, bases, complete)
}

// removeProbes removes the disks of probing guests whose command was killed.
func (h *host) removeProbes(all []rpc.StorageVol) error {
	for _, v := range all {
		if !strings.HasPrefix(v.Name, probePrefix) {
			continue
		}
		d, err := h.describe(v)
		if isCode(err, rpc.ErrNoStorageVol) {
			continue // its command has removed it meanwhile
		}
		if err != nil {
			return err
		}
		if time.Since(modified(d)) > abandonedAfter {
			if err := h.removeVolume(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeLone removes marks whose base volume is gone.
func (h *host) removeLone(p rpc.StoragePool, all []rpc.StorageVol, bases map[base]rpc.StorageVol, complete map[base]bool) error {
	for b := range complete {
		if _, exists := bases[b]; exists {
			continue
		}
		for _, v := range all {
			if v.Name == b.ready() && v.Pool == p.Name {
				if err := h.removeVolume(v); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// usedPaths are the files that volumes of any pool are copies of, and those that domains name.
func (h *host) usedPaths(pools []rpc.StoragePool) (map[string]bool, error) {
	used := map[string]bool{}
	for _, p := range pools {
		all, err := h.volumes(p)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			d, err := h.describe(v)
			if isCode(err, rpc.ErrNoStorageVol) {
				continue // it was removed meanwhile
			}
			if err != nil {
				return nil, err
			}
			if d.BackingStore != nil {
				used[d.BackingStore.Path] = true
			}
		}
	}
	return used, h.addDomainPaths(used)
}

func (h *host) addDomainPaths(used map[string]bool) error {
	domains, _, err := h.ConnectListAllDomains(1, rpc.ConnectListDomainsActive|rpc.ConnectListDomainsInactive)
	if err != nil {
		return failed("list domains of", h.uri, err)
	}
	for _, d := range domains {
		text, err := h.DomainGetXMLDesc(d, 0)
		if isCode(err, rpc.ErrNoDomain) {
			continue // it ended meanwhile
		}
		if err != nil {
			return failed("look at domain", d.Name, err)
		}
		var description libvirtxml.Domain
		if err := description.Unmarshal(text); err != nil {
			return failed("look at domain", d.Name, err)
		}
		if description.Devices == nil {
			continue
		}
		for _, disk := range description.Devices.Disks {
			if disk.Source != nil && disk.Source.File != nil {
				used[disk.Source.File.File] = true
			}
			for b := disk.BackingStore; b != nil; b = b.BackingStore {
				if b.Source != nil && b.Source.File != nil {
					used[b.Source.File.File] = true
				}
			}
		}
	}
	return nil
}

// modified is when a volume was written to last; the zero time when the host does not say.
func modified(d libvirtxml.StorageVolume) time.Time {
	if d.Target == nil || d.Target.Timestamps == nil {
		return time.Time{}
	}
	seconds, _, _ := strings.Cut(d.Target.Timestamps.Mtime, ".")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n, 0)
}
