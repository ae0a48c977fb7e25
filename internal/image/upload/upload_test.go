package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestTheEnginesDiskEqualsTheSource(t *testing.T) {
	for name, parts := range map[string][]int64{
		"full": {9 * 1024}, "sparse": {64, 8000, 3000, 4096, 1, 1023, 2048, 6000}, "starts and ends with zeros": {0, 5000, 7001, 4999},
		"only zeros": {0, 4096}, "odd sizes": {1, 1, 1, 1, 4093, 1, 1},
	} {
		for _, writers := range []int{1, 4, 8} {
			t.Run(fmt.Sprintf("%s, %d writers", name, writers), func(t *testing.T) {
				if parts[0] == 0 {
					parts = parts[1:]
				}
				source, want := content(1, parts...)
				if name == "only zeros" || name == "starts and ends with zeros" { // zeros come first
					source, want = zerosFirst(parts...)
				}
				s := newSite(t, olvmsim.Options{})
				r := s.request(source)
				r.Writers = writers
				var last int64
				r.Progress = func(done, total int64) {
					require.GreaterOrEqual(t, done, last)
					require.LessOrEqual(t, done, total)
					last = done
				}
				result, err := s.Upload(t.Context(), r)
				require.NoError(t, err)
				require.Equal(t, ovirt.FormatRaw, result.Format)
				require.Equal(t, "checksum", result.Checked)
				require.Equal(t, writers, result.Writers)
				require.Equal(t, result.Data, last)
				require.Equal(t, result.Data, result.Sent, "data once, and nothing else")
				require.Zero(t, result.Resumed)
				if result.Data > 0 {
					s.requireHolds(result.DiskID, want)
				}
				require.NoFileExists(t, s.state)
				found, err := s.Engine.Disk(t.Context(), result.DiskID)
				require.NoError(t, err)
				mark, ok := machine.ParseImageMark(found.Description)
				require.True(t, ok)
				require.Equal(t, machine.ImageMark{Digest: testDigest, Disk: result.DiskID, Complete: true}, mark)
			})
		}
	}
}

// zerosFirst is content that begins with zeros.
func zerosFirst(kib ...int64) (*memory, []byte) {
	m, all := content(2, append([]int64{1}, kib...)...)
	m.extents = m.extents[1:]
	for n := range m.extents {
		m.extents[n].Start -= 1024
	}
	all = all[1024:]
	m.Reader = bytes.NewReader(all)
	return m, all
}

func TestZerosInsideDataAreNotSent(t *testing.T) {
	source, all := content(3, 8192)
	clear(all[2*mib : 6*mib])
	s := newSite(t, olvmsim.Options{})
	result, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	require.Equal(t, int64(4*mib), result.Sent)
	s.requireHolds(result.DiskID, all)
}

func TestAQCOW2FileIsSentAsItIsWhereThatIsLess(t *testing.T) {
	source, _ := content(4, 4096, 4096)
	file := smallQCOW2(8 * mib)
	for _, test := range []struct {
		name   string
		change func(*Request)
		format string
	}{
		{"the file is smaller", func(*Request) {}, ovirt.FormatCOW},
		{"the file is larger", func(r *Request) { r.File.Size = 5 * mib }, ovirt.FormatRaw},
		{"the disk is larger than the file says", func(r *Request) { r.Size = 16 * mib }, ovirt.FormatRaw},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, olvmsim.Options{})
			r := s.request(source)
			r.File = &File{ReaderAt: bytes.NewReader(file), Size: int64(len(file))}
			test.change(&r)
			result, err := s.Upload(t.Context(), r)
			require.NoError(t, err)
			require.Equal(t, test.format, result.Format)
			require.Equal(t, "checksum", result.Checked)
			if test.format == ovirt.FormatCOW {
				require.Equal(t, 1, result.Writers, "as many as the server offers")
				stored, err := os.ReadFile(filepath.Join(s.images, result.DiskID+".qcow2"))
				require.NoError(t, err)
				require.True(t, bytes.Equal(file, stored))
			}
		})
	}
}

// smallQCOW2 is a header that says how large the disk is, and as much random data behind it as makes a cluster.
func smallQCOW2(virtualSize uint64) []byte {
	file := make([]byte, 300<<10)
	copy(file, []byte{'Q', 'F', 'I', 0xfb, 0, 0, 0, 3})
	file[23] = 16
	for n := range 8 {
		file[24+n] = byte(virtualSize >> (56 - 8*n))
	}
	for n := 4096; n < len(file); n++ {
		file[n] = byte(n * 7)
	}
	return file
}

func TestTheSameImageIsNeverUploadedTwice(t *testing.T) {
	source, want := content(5, 2048, 1024)
	s := newSite(t, olvmsim.Options{})
	first, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	puts := s.puts()
	again, err := s.Upload(t.Context(), s.request(source))
	require.NoError(t, err)
	require.True(t, again.Reused)
	require.Equal(t, first.DiskID, again.DiskID)
	require.Equal(t, puts, s.puts())
	s.requireHolds(first.DiskID, want)

	other := s.request(source)
	other.Options = "quiet"
	_, err = s.Upload(t.Context(), other)
	exists, ok := errors.AsType[*DiskExistsError](err)
	require.True(t, ok, "%v", err)
	require.True(t, exists.Ours)
	require.False(t, exists.Unfinished)
}

func TestACancelledUploadLeavesNothing(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancel of older engines: %v", legacy), func(t *testing.T) {
			source, _ := content(6, 16*1024)
			s := newSite(t, olvmsim.Options{ImageIO: olvmsim.ImageIOOptions{LegacyCancel: legacy}})
			ctx, cancel := context.WithCancel(t.Context())
			r := s.request(source)
			r.Progress = func(done, total int64) {
				if done > total/2 {
					cancel()
				}
			}
			_, err := s.Upload(ctx, r)
			require.ErrorIs(t, err, context.Canceled)
			s.requireEmpty()
		})
	}
}

func TestAnImageThatCannotBeReadLeavesNothing(t *testing.T) {
	source, _ := content(7, 8*1024)
	source.failure, source.failAt = errors.New("checksum of cluster 77 is wrong"), 5*mib
	s := newSite(t, olvmsim.Options{})
	_, err := s.Upload(t.Context(), s.request(source))
	require.ErrorIs(t, err, source.failure)
	s.requireEmpty()
}

func TestContentThatChangedInTheEngineIsNoticed(t *testing.T) {
	source, _ := content(8, 4096, 4096)
	s := newSite(t, olvmsim.Options{})
	r := s.request(source)
	var once bool
	r.Progress = func(done, total int64) {
		if done != total || once {
			return
		}
		once = true
		file, err := os.OpenFile(filepath.Join(s.images, s.onlyDisk()), os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("not what was sent"), 3*mib)
		require.NoError(t, err)
		require.NoError(t, file.Close())
	}
	_, err := s.Upload(t.Context(), r)
	wrong, ok := errors.AsType[*ContentError](err)
	require.True(t, ok, "%v", err)
	require.Contains(t, wrong.Detail, "checksum")
	s.requireEmpty()
}

// onlyDisk is the id of the disk ock.
func (s *site) onlyDisk() string {
	for _, each := range s.sim.Disks() {
		if each.Alias == "ock" {
			return each.ID
		}
	}
	return ""
}

func TestAPausedTransferGoesOn(t *testing.T) {
	source, want := content(9, 24*1024)
	s := newSite(t, olvmsim.Options{})
	r := s.request(source)
	paused := 0
	r.Progress = func(done, total int64) {
		if done > int64(paused+1)*total/4 && paused < 3 {
			paused++
			_, err := s.sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.TransferPaused, Disk: "ock"}})
			require.NoError(t, err)
		}
	}
	result, err := s.Upload(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 3, paused)
	require.NotEmpty(t, s.notices)
	require.GreaterOrEqual(t, s.sim.Count(olvmsim.Match{Method: http.MethodPost, Path: "imagetransfers/*/resume"}), 1)
	s.requireHolds(result.DiskID, want)
}

func TestAnEngineThatFailsMeanwhileIsAskedAgain(t *testing.T) {
	for _, kind := range []olvmsim.Kind{
		olvmsim.Unavailable, olvmsim.InternalError, olvmsim.DropBefore, olvmsim.DropAfter, olvmsim.DropDelayed, olvmsim.Locked,
	} {
		t.Run(string(kind), func(t *testing.T) {
			source, want := content(10, 3*1024)
			s := newSite(t, olvmsim.Options{Seed: 1})
			r := s.request(source)
			_, err := s.sim.Inject(olvmsim.Fault{
				Match: olvmsim.Match{Path: "disks|disks/*|imagetransfers|imagetransfers/**"},
				After: 1, // the list of disks of that name is asked before anything is made
				Count: 4, Probability: 0.5,
				Effect: olvmsim.Effect{Kind: kind, Delay: olvmsim.Duration(time.Second)},
			})
			require.NoError(t, err)
			result, err := s.Upload(t.Context(), r)
			require.NoError(t, err)
			s.requireHolds(result.DiskID, want)
			require.Len(t, s.sim.Disks(), 2, "one disk beside that of the inventory")
		})
	}
}
