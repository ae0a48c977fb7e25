package libvirt

import (
	"fmt"
	"slices"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"
)

// DefaultPool is the storage pool that is used when none is configured.
const DefaultPool = "images"

// pool is an active storage pool.
type pool struct {
	rpc.StoragePool
	directory string
}

// ensurePool finds the pool, or makes it as a directory where libvirt keeps disks by default. A pool of another name with the same directory is
// taken, because libvirt allows only one for each.
func (h *host) ensurePool(name string) (pool, error) {
	p, err := h.StoragePoolLookupByName(name)
	if err == nil {
		return h.activate(p)
	}
	if !isCode(err, rpc.ErrNoStoragePool) {
		return pool{}, failed("look up storage pool", name, err)
	}
	if name != DefaultPool {
		return pool{}, &Error{
			Op: "find storage pool", Object: name, Err: ErrNoPool,
			Remedy: fmt.Sprintf("Make it with virsh, or name another one in providers.libvirt.storagePool; %s is made when it is missing.", DefaultPool),
		}
	}
	directory := h.poolDirectory(h.getenv)
	if p, err := h.StoragePoolLookupByTargetPath(directory); err == nil {
		return h.activate(p)
	}
	return h.makePool(name, directory)
}

func (h *host) makePool(name, directory string) (pool, error) {
	description := libvirtxml.StoragePool{
		Type: "dir", Name: name, UUID: ownUUID(kindPool, name).String(),
		Target: &libvirtxml.StoragePoolTarget{Path: directory, Permissions: &libvirtxml.StoragePoolTargetPermissions{Mode: "0711"}},
	}
	text, err := description.Marshal()
	if err != nil {
		return pool{}, failed("make storage pool", name, err)
	}
	p, err := h.StoragePoolDefineXML(text, 0)
	if err != nil {
		return pool{}, failed("make storage pool", name, err)
	}
	if err := h.StoragePoolBuild(p, rpc.StoragePoolBuildNew); err != nil {
		_ = h.StoragePoolUndefine(p) // the first error tells what is wrong
		return pool{}, failed("make the directory of storage pool", name, err)
	}
	active, err := h.activate(p)
	if err != nil {
		_ = h.StoragePoolUndefine(p) // the first error tells what is wrong
		return pool{}, err
	}
	return active, failed("start storage pool with the host", name, h.StoragePoolSetAutostart(p, 1))
}

func (h *host) activate(p rpc.StoragePool) (pool, error) {
	active, err := h.StoragePoolIsActive(p)
	if err == nil && active == 0 {
		if isOurs(p) {
			_ = h.StoragePoolBuild(p, rpc.StoragePoolBuildNew) // its directory may have been removed; when it cannot be made, the start says so
		}
		err = h.StoragePoolCreate(p, 0)
	}
	if err != nil {
		return pool{}, failed("start storage pool", p.Name, err)
	}
	text, err := h.StoragePoolGetXMLDesc(p, 0)
	if err != nil {
		return pool{}, failed("look at storage pool", p.Name, err)
	}
	var description libvirtxml.StoragePool
	if err := description.Unmarshal(text); err != nil {
		return pool{}, failed("look at storage pool", p.Name, err)
	}
	if description.Target == nil || description.Target.Path == "" || !slices.Contains([]string{"dir", "fs", "netfs"}, description.Type) {
		return pool{}, &Error{
			Op: "use storage pool", Object: p.Name, Err: fmt.Errorf("it is of type %s, which has no directory for files", description.Type),
			Remedy: "Name a pool of type dir, fs or netfs in providers.libvirt.storagePool.",
		}
	}
	return pool{StoragePool: p, directory: description.Target.Path}, nil
}

// requireSpace fails with ErrNoSpace when the pool has less than the bytes that are needed.
func (h *host) requireSpace(p pool, need int64) error {
	if err := h.StoragePoolRefresh(p.StoragePool, 0); err != nil {
		return failed("look at storage pool", p.Name, err)
	}
	_, _, _, available, err := h.StoragePoolGetInfo(p.StoragePool)
	if err != nil {
		return failed("look at storage pool", p.Name, err)
	}
	if int64(available) >= need {
		return nil
	}
	return &Error{
		Op: "use storage pool", Object: p.Name,
		Err:    fmt.Errorf("%w: %s is needed, %s is free in %s", ErrNoSpace, mebibytes(need), mebibytes(int64(available)), p.directory),
		Remedy: "Make room there, or name another pool in providers.libvirt.storagePool.",
	}
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// volumes of a pool as they are now.
func (h *host) volumes(p rpc.StoragePool) ([]rpc.StorageVol, error) {
	if err := h.StoragePoolRefresh(p, 0); err != nil {
		return nil, failed("look at storage pool", p.Name, err)
	}
	all, _, err := h.StoragePoolListAllVolumes(p, 1, 0)
	return all, failed("list volumes of storage pool", p.Name, err)
}

// activePools are all pools that can hold volumes of ours.
func (h *host) activePools() ([]rpc.StoragePool, error) {
	all, _, err := h.ConnectListAllStoragePools(1, rpc.ConnectListStoragePoolsActive)
	return all, failed("list storage pools of", h.uri, err)
}

func isOurs(p rpc.StoragePool) bool { return p.UUID == rpc.UUID(ownUUID(kindPool, p.Name)) }

// removePool removes a pool that we made and that nothing is left in. Its directory stays.
func (h *host) removePool(p rpc.StoragePool) error {
	if !isOurs(p) {
		return nil
	}
	left, err := h.volumes(p)
	if err != nil {
		return err
	}
	for _, v := range left {
		if !strings.HasPrefix(v.Name, probePrefix) {
			return nil
		}
	}
	if err := unless(h.StoragePoolDestroy(p), rpc.ErrNoStoragePool, rpc.ErrOperationInvalid); err != nil {
		return failed("stop storage pool", p.Name, err)
	}
	return failed("remove storage pool", p.Name, unless(h.StoragePoolUndefine(p), rpc.ErrNoStoragePool))
}
