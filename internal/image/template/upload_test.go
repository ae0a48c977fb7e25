package template

import (
	"bytes"
	"context"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/image/disk"
	"github.com/ocne-project/ocne/internal/image/upload"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// text is a disk that is data all over.
type text struct{ *bytes.Reader }

func (d text) Extents(context.Context) iter.Seq2[disk.Extent, error] {
	return func(yield func(disk.Extent, error) bool) { yield(disk.Extent{Length: d.Size()}, nil) }
}

// What an administrator does in an hour: the image, once in the engine, and from then on its template.
func TestAnImageIsUploadedOnceAndIsATemplateFromThenOn(t *testing.T) {
	dir := t.TempDir()
	sim := olvmsim.New(t, olvmsim.Options{StateDir: dir})
	s := &site{t: t, sim: sim}
	s.Maker = s.as(sim.Username(), sim.Password())
	image := bytes.Repeat([]byte("an image, \n"), 100_000)[:1<<20]
	r := s.request("ock-1.33", digestA)
	r.Options = "kernel arguments: quiet"
	uploader := &upload.Uploader{Engine: s.Engine}
	state := filepath.Join(t.TempDir(), "upload.json")
	r.Disk = func(ctx context.Context) (string, error) {
		result, err := uploader.Upload(ctx, upload.Request{
			Name: r.Name, DataCenterID: r.DataCenterID, StorageDomain: "data", Digest: r.Digest, Options: r.Options,
			Content: text{bytes.NewReader(image)}, Copies: 1, State: state,
		})
		if err != nil {
			return "", err
		}
		return result.DiskID, nil
	}
	result, err := s.Ensure(t.Context(), r)
	require.NoError(t, err)
	require.False(t, result.Reused)
	disks, err := s.Engine.TemplateDisks(t.Context(), result.Template.ID)
	require.NoError(t, err)
	stored, err := os.ReadFile(filepath.Join(dir, "images", disks[0].DiskID))
	require.NoError(t, err)
	require.True(t, bytes.Equal(image, stored))
	s.requireOnly(1)

	before := len(sim.Requests())
	again, err := s.Ensure(t.Context(), r)
	require.NoError(t, err)
	require.True(t, again.Reused)
	for _, call := range sim.Requests()[before:] {
		require.Equal(t, http.MethodGet, call.Method, "%s %s", call.Method, call.RealPath)
	}

	// Another version has another disk of the same name: those of templates are copies.
	r.Options = "kernel arguments: debug"
	next, err := s.Ensure(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, 2, next.Template.Version)
	s.requireOnly(2)
}
