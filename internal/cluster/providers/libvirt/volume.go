package libvirt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	rpc "github.com/digitalocean/go-libvirt"
	"libvirt.org/go/libvirtxml"
)

const (
	formatRaw   = "raw"
	formatQCOW2 = "qcow2"
)

// volume says what volume to make.
type volume struct {
	name     string
	format   string
	capacity int64 // bytes
	mode     string
	backing  string // path of a qcow2 volume that this one is a copy-on-write copy of; empty for none
}

func (h *host) makeVolume(p pool, v volume) (rpc.StorageVol, error) {
	zero := uint64(0)
	description := libvirtxml.StorageVolume{
		Name:       v.name,
		Capacity:   &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: uint64(v.capacity)},
		Allocation: &libvirtxml.StorageVolumeSize{Unit: "bytes", Value: zero},
		Target: &libvirtxml.StorageVolumeTarget{
			Format:      &libvirtxml.StorageVolumeTargetFormat{Type: v.format},
			Permissions: &libvirtxml.StorageVolumeTargetPermissions{Mode: v.mode},
		},
	}
	if v.format == formatQCOW2 {
		description.Target.Compat = "1.1"
	}
	if v.backing != "" {
		description.BackingStore = &libvirtxml.StorageVolumeBackingStore{
			Path: v.backing, Format: &libvirtxml.StorageVolumeTargetFormat{Type: formatQCOW2},
		}
	}
	text, err := description.Marshal()
	if err != nil {
		return rpc.StorageVol{}, failed("make volume", v.name, err)
	}
	made, err := h.StorageVolCreateXML(p.StoragePool, text, 0)
	return made, failed("make volume", v.name, err)
}

// findVolume looks a volume up; the pool is not read again.
func (h *host) findVolume(p rpc.StoragePool, name string) (v rpc.StorageVol, exists bool, err error) {
	v, err = h.StorageVolLookupByName(p, name)
	if isCode(err, rpc.ErrNoStorageVol) {
		return rpc.StorageVol{}, false, nil
	}
	return v, err == nil, failed("look up volume", name, err)
}

func (h *host) removeVolume(v rpc.StorageVol) error {
	return failed("remove volume", v.Name, unless(h.StorageVolDelete(v, 0), rpc.ErrNoStorageVol))
}

// writeVolume makes a raw volume with these contents, in place of one that is there.
func (h *host) writeVolume(p pool, name, mode string, contents []byte) error {
	v, exists, err := h.findVolume(p.StoragePool, name)
	if err == nil && exists {
		err = h.removeVolume(v)
	}
	if err != nil {
		return err
	}
	v, err = h.makeVolume(p, volume{name: name, format: formatRaw, capacity: int64(len(contents)), mode: mode})
	if err != nil {
		return err
	}
	return failed("write volume", name, h.StorageVolUpload(v, bytes.NewReader(contents), 0, uint64(len(contents)), 0))
}

// readVolume reads a raw volume from an offset on.
func (h *host) readVolume(v rpc.StorageVol, offset uint64) ([]byte, error) {
	var out bytes.Buffer
	if err := h.StorageVolDownload(v, &out, offset, 0, 0); err != nil {
		return nil, failed("read volume", v.Name, err)
	}
	return out.Bytes(), nil
}

// describe reads what libvirt knows of a volume.
func (h *host) describe(v rpc.StorageVol) (libvirtxml.StorageVolume, error) {
	text, err := h.StorageVolGetXMLDesc(v, 0)
	if err != nil {
		return libvirtxml.StorageVolume{}, failed("look at volume", v.Name, err)
	}
	var d libvirtxml.StorageVolume
	return d, failed("look at volume", v.Name, d.Unmarshal(text))
}

// meter is an upload's source: it remembers why it ended, which the client does not say, and gives exactly the bytes that were announced.
type meter struct {
	from   io.Reader
	left   int64
	report func(done int64)
	done   int64
	err    error
}

func (m *meter) Read(b []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.from.Read(b)
	m.left -= int64(n)
	m.done += int64(n)
	switch {
	case m.left < 0:
		err = errTooLong
	case errors.Is(err, io.EOF) && m.left > 0:
		err = fmt.Errorf("it ended %d bytes early: %w", m.left, io.ErrUnexpectedEOF)
	}
	if err != nil && !errors.Is(err, io.EOF) || m.left < 0 {
		m.err = err
		return 0, err
	}
	if m.report != nil {
		m.report(m.done)
	}
	return n, err
}
