package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"runtime"
	"slices"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/sync/errgroup"

	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

// What ovirt-imageio uses unless it is asked for something else: _internal/blkhash.py in its source.
const (
	usualAlgorithm = "blake2b"
	usualBlock     = 4 << 20
	maxBlock       = 16 << 20
)

// verify compares what the server has with what was to be sent, and says how.
func (j *job) verify(ctx context.Context, image *imageio.Image, options *imageio.Options) (string, error) {
	var extents []imageio.Extent
	var err error
	if slices.Contains(options.Features, imageio.FeatureExtents) {
		if extents, err = image.Extents(ctx); err != nil {
			return "", err
		}
		if err := j.checkExtents(extents); err != nil {
			return "", err
		}
	}
	if !slices.Contains(options.Features, imageio.FeatureChecksum) {
		if extents == nil {
			return "nothing", nil
		}
		return "size and extents", nil
	}
	size := j.source.size
	if j.source.format == ovirt.FormatCOW && len(extents) > 0 { // the volume is larger than the file in it, and a file is not
		size = extents[len(extents)-1].Start + extents[len(extents)-1].Length
	}
	err = j.compareSums(ctx, image, size)
	if errors.Is(err, errUnknownSum) {
		return "size and extents", nil
	}
	return "checksum", err
}

// checkExtents finds data where the server has none.
func (j *job) checkExtents(extents []imageio.Extent) error {
	var blank spans
	size := int64(0)
	for _, each := range extents {
		if each.Start != size {
			return &ContentError{Name: j.Name, Detail: fmt.Sprintf("its extents have a gap at %d", size)}
		}
		if size += each.Length; each.Zero {
			blank = blank.with(span{each.Start, size})
		}
	}
	if size < j.source.size || j.source.format == ovirt.FormatRaw && size != j.source.size {
		return &ContentError{Name: j.Name, Detail: fmt.Sprintf("it has %d bytes, and %d are expected", size, j.source.size)}
	}
	buffer := make([]byte, usualBlock)
	for part := range j.source.data.overlap(blank).chunks(usualBlock) {
		p := buffer[:part.length()]
		if err := j.source.read(p, part.Start); err != nil {
			return err
		}
		if !zeros(p) {
			return &ContentError{Name: j.Name, Detail: fmt.Sprintf("bytes %d to %d read as zeros", part.Start, part.End)}
		}
	}
	return nil
}

// errUnknownSum: the server's checksum is one that we cannot compute.
var errUnknownSum = errors.New("unknown checksum")

// compareSums lets both sides read at the same time.
func (j *job) compareSums(ctx context.Context, image *imageio.Image, size int64) error {
	var theirs *imageio.Checksum
	var ours string
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) { theirs, err = image.Checksum(both); return err })
	group.Go(func() (err error) { ours, err = j.source.checksum(both, size, newBLAKE2b, usualBlock); return err })
	if err := group.Wait(); err != nil {
		return err
	}
	if theirs.Algorithm != usualAlgorithm || theirs.BlockSize != usualBlock {
		fresh, known := map[string]func() hash.Hash{usualAlgorithm: newBLAKE2b, "sha256": sha256.New}[theirs.Algorithm]
		if !known || theirs.BlockSize <= 0 || theirs.BlockSize > maxBlock {
			return errUnknownSum
		}
		var err error
		if ours, err = j.source.checksum(ctx, size, fresh, theirs.BlockSize); err != nil {
			return err
		}
	}
	if ours != theirs.Checksum {
		return &ContentError{Name: j.Name, Detail: fmt.Sprintf("its checksum is %s and %s is expected (%s)", theirs.Checksum, ours, theirs.Algorithm)}
	}
	return nil
}

func newBLAKE2b() hash.Hash {
	h, _ := blake2b.New256(nil) // fails for bad keys only
	return h
}

// checksum is the digest of the digests of the blocks, as ovirt-imageio computes it.
func (s source) checksum(ctx context.Context, size int64, fresh func() hash.Hash, block int64) (string, error) {
	sums := make([][]byte, (size+block-1)/block)
	group, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() error {
			digest, buffer := fresh(), make([]byte, block)
			digest.Write(buffer)
			zero := digest.Sum(nil)
			for n := w; n < len(sums); n += workers {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				window := span{int64(n) * block, min(int64(n+1)*block, size)}
				parts := s.data.inside(window)
				if len(parts) == 0 && window.length() == block {
					sums[n] = zero
					continue
				}
				p := buffer[:window.length()]
				clear(p)
				for _, part := range parts {
					if err := s.read(p[part.Start-window.Start:part.End-window.Start], part.Start); err != nil {
						return err
					}
				}
				digest.Reset()
				digest.Write(p)
				sums[n] = digest.Sum(nil)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	root := fresh()
	for _, sum := range sums {
		root.Write(sum)
	}
	return hex.EncodeToString(root.Sum(nil)), nil
}
