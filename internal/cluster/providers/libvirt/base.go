package libvirt

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
)

// abandonedAfter is how long nothing has been written to an upload of another cluster until it is taken for one that nobody finishes.
const abandonedAfter = 10 * time.Minute

// Image is the disk that nodes boot from: a qcow2 image of a node image's release.
type Image struct {
	// Digest names the image's contents for good: sha256:<hexadecimal>. Two images with one digest are never both uploaded.
	Digest string
	// Size in bytes of what Open gives.
	Size int64
	// Open gives the image from its beginning. It is called only when the host does not have the image yet.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

func (i Image) hexadecimal() (string, error) {
	_, digest, found := strings.Cut(i.Digest, ":")
	if !found || !regexp.MustCompile(`^[0-9a-f]{32,128}$`).MatchString(digest) {
		return "", &Error{Op: "use image", Object: i.Digest, Err: fmt.Errorf("%w: %q is no digest such as sha256:<hexadecimal>", ErrImage, i.Digest)}
	}
	return digest, nil
}

// baseVolumes are the base volumes of a pool, and which of them are complete.
func baseVolumes(all []rpc.StorageVol) (bases map[base]rpc.StorageVol, complete map[base]bool) {
	bases, complete = map[base]rpc.StorageVol{}, map[base]bool{}
	for _, v := range all {
		if b, ok := parseBase(v.Name); ok {
			bases[b] = v
		}
		if b, ok := parseBase(strings.TrimSuffix(v.Name, readySuffix)); ok && strings.HasSuffix(v.Name, readySuffix) {
			complete[b] = true
		}
	}
	return bases, complete
}

// ensureBase finds a complete base volume of the image, or uploads one. What another command is uploading is not waited for.
func (h *host) ensureBase(ctx context.Context, p pool, cluster string, image Image, report func(string)) (rpc.StorageVol, error) {
	digest, err := image.hexadecimal()
	if err != nil {
		return rpc.StorageVol{}, err
	}
	all, err := h.volumes(p.StoragePool)
	if err != nil {
		return rpc.StorageVol{}, err
	}
	bases, complete := baseVolumes(all)
	var good []string
	for b := range bases {
		switch {
		case complete[b] && b.digest == digest:
			good = append(good, b.volume())
		case !complete[b]:
			if err := h.removeAbandoned(b, bases[b], cluster); err != nil {
				return rpc.StorageVol{}, err
			}
		}
	}
	if len(good) > 0 {
		v, _, err := h.findVolume(p.StoragePool, slices.Min(good))
		return v, err
	}
	if err := h.requireSpace(p, image.Size); err != nil {
		return rpc.StorageVol{}, err
	}
	return h.uploadBase(ctx, p, base{digest, cluster}, image, report)
}

// removeAbandoned removes an upload that nobody finishes any more: an earlier one of this cluster, or one that has not grown for long.
func (h *host) removeAbandoned(b base, v rpc.StorageVol, cluster string) error {
	if b.cluster != cluster {
		d, err := h.describe(v)
		if err != nil || time.Since(modified(d)) < abandonedAfter {
			return err
		}
	}
	return h.removeVolume(v)
}

func (h *host) uploadBase(ctx context.Context, p pool, b base, image Image, report func(string)) (rpc.StorageVol, error) {
	name := b.volume()
	source, err := image.Open(ctx)
	if err != nil {
		return rpc.StorageVol{}, failed("open image", image.Digest, err)
	}
	defer func() { _ = source.Close() }() // it was only read
	v, err := h.makeVolume(p, volume{name: name, format: formatRaw, capacity: image.Size, mode: "0644"})
	if err != nil {
		return rpc.StorageVol{}, err
	}
	m := &meter{from: source, left: image.Size, report: percent(image.Size, report)}
	err = h.StorageVolUpload(v, m, 0, uint64(image.Size), 0)
	if m.err != nil {
		err = m.err
	}
	if err == nil {
		err = h.checkBase(p, name)
	}
	if err != nil {
		_ = h.removeVolume(v) // when it stays, it is not marked as complete
		return rpc.StorageVol{}, failed("upload base volume", name, err)
	}
	if _, err := h.makeVolume(p, volume{name: b.ready(), format: formatRaw, mode: "0644"}); err != nil {
		return rpc.StorageVol{}, err
	}
	return v, nil
}

// checkBase sees that the host takes the volume for what it shall be. A qcow2 image that is a copy-on-write copy of another would read any file
// of the host that it names.
func (h *host) checkBase(p pool, name string) error {
	if err := h.StoragePoolRefresh(p.StoragePool, 0); err != nil {
		return failed("look at storage pool", p.Name, err)
	}
	v, exists, err := h.findVolume(p.StoragePool, name)
	if err != nil {
		return err
	}
	if !exists {
		return fmt.Errorf("%w: somebody removed it meanwhile", errIncomplete)
	}
	d, err := h.describe(v)
	if err != nil {
		return err
	}
	if d.Target == nil || d.Target.Format == nil || d.Target.Format.Type != formatQCOW2 {
		return fmt.Errorf("%w: it is no qcow2 image", ErrImage)
	}
	if d.BackingStore != nil && d.BackingStore.Path != "" {
		return fmt.Errorf("%w: it is a copy-on-write copy of another file", ErrImage)
	}
	return nil
}

// percent reports whole tenths.
func percent(size int64, report func(string)) func(done int64) {
	last := int64(0)
	return func(done int64) {
		if tenth := done * 10 / max(size, 1); tenth > last {
			last = tenth
			report(fmt.Sprintf("uploading the node image: %d %%", tenth*10))
		}
	}
}
