package olvmsim_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// What was uploaded outlives the simulator together with the state that knows the disk; without it, it is rubbish.
func TestUploadedImagesGoWithTheStateThatKnowsTheirDisks(t *testing.T) {
	state, saved := t.TempDir(), filepath.Join(t.TempDir(), "saved.json")
	first := newSite(t, olvmsim.Options{StateDir: state})
	image := testImage()
	disk := first.imageDisk("image", "raw")
	transfer := first.transfer(disk, "upload", "raw", "")
	first.upload(transfer.text("transfer_url"), image)
	first.finalize(transfer, "finished_success")
	file, err := os.Create(saved)
	require.NoError(t, err)
	require.NoError(t, first.s.Save(file))
	require.NoError(t, file.Close())
	first.s.Stop()

	second := newSite(t, olvmsim.Options{StateDir: state, LoadFile: saved, Password: first.s.Password()})
	requireSame(t, image, second.download(disk, "raw"))
	second.s.Stop()

	newSite(t, olvmsim.Options{StateDir: state})
	left, err := os.ReadDir(filepath.Join(state, "images"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// An upload that is cut off and begun again, as after a pause by the system, ends with the image of its client.
func TestAnUploadSurvivesAPauseInItsMiddle(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	image := testImage()
	disk := s.imageDisk("image", "cow")
	transfer := s.transfer(disk, "upload", "raw", `"timeout_policy":"pause",`)
	s.upload(transfer.text("transfer_url"), image[:10*mib])
	s.pass(time.Minute)
	path := "/imagetransfers/" + transfer.text("id")
	require.Equal(t, "paused_system", s.get(path).text("phase"))
	require.Equal(t, "10485760", s.get(path).text("transferred"))
	s.must(http.StatusOK, http.MethodPost, path+"/resume", "")
	s.pass(time.Second)
	url := s.get(path).text("proxy_url")
	rest := string(image[10*mib:])
	a := s.raw(http.MethodPut, url+"?flush=y&close=y", rest, "Content-Range", "bytes 10485760-25165823/25165824",
		"Authorization", "Bearer "+s.token, "Cache-Control", "no-cache")
	require.Equal(t, http.StatusOK, a.status, a.raw)
	require.Equal(t, "25165824", s.get(path).text("transferred"))
	s.finalize(transfer, "finished_success")
	requireSame(t, image, s.download(disk, "raw"))
	require.Contains(t, strings.Join(s.search("disks", "status=ok").names("disk"), " "), "image")
}
