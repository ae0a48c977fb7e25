package olvmsim_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const (
	mib       = 1 << 20
	imageSize = 24 * mib
)

// testImage is random data with a hole from 8 to 16 MiB.
func testImage() []byte {
	image := make([]byte, imageSize)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(image[:8*mib])
	_, _ = source.Read(image[16*mib:])
	return image
}

// imageDisk makes a disk that the test image fits.
func (s site) imageDisk(name, format string) string {
	s.t.Helper()
	a := s.must(http.StatusAccepted, http.MethodPost, "/disks", fmt.Sprintf(`{"alias":%q,"format":%q,"provisioned_size":%d,
		"storage_domains":{"storage_domain":[{"name":"data"}]}}`, name, format, imageSize))
	s.pass(2 * time.Second)
	return "/disks/" + a.text("id")
}

func (s site) finalize(transfer answer, phase string) {
	s.t.Helper()
	path := "/imagetransfers/" + transfer.text("id")
	s.must(http.StatusOK, http.MethodPost, path+"/finalize", "")
	s.pass(2 * time.Second)
	require.Equal(s.t, phase, s.get(path).text("phase"))
}

// upload sends the content in ranges of 1 MiB that eight writers take in turns; what is zero is sent as PATCH.
func (s site) upload(url string, content []byte) {
	s.t.Helper()
	var writers sync.WaitGroup
	const chunk = mib
	for w := range 8 {
		writers.Go(func() {
			for at := w * chunk; at < len(content); at += 8 * chunk {
				part := content[at:min(at+chunk, len(content))]
				var a answer
				if len(bytes.Trim(part, "\x00")) == 0 {
					a = s.raw(http.MethodPatch, url, fmt.Sprintf(`{"op":"zero","offset":%d,"size":%d,"flush":false}`, at, len(part)))
				} else {
					a = s.raw(http.MethodPut, url+"?flush=n", string(part), "Content-Range", fmt.Sprintf("bytes %d-%d/*", at, at+len(part)-1))
				}
				assert.Equal(s.t, http.StatusOK, a.status, a.raw)
			}
			assert.Equal(s.t, http.StatusOK, s.raw(http.MethodPatch, url, `{"op":"flush"}`).status)
		})
	}
	writers.Wait()
}

// download gets a disk in a format.
func (s site) download(disk, format string) []byte {
	s.t.Helper()
	transfer := s.transfer(disk, "download", format, "")
	a := s.raw(http.MethodGet, transfer.text("transfer_url"), "")
	require.Equal(s.t, http.StatusOK, a.status)
	require.Equal(s.t, fmt.Sprint(len(a.raw)), a.header.Get("Content-Length"))
	s.finalize(transfer, "finished_success")
	return []byte(a.raw)
}

func requireSame(t *testing.T, want, got []byte) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	require.Equal(t, sha256.Sum256(want), sha256.Sum256(got))
}

// What eight writers send in ranges, with zeroes, is what a guest sees and what comes back, whatever the formats of the disk
// and of the transfers are.
func TestEightWritersMakeAnIdenticalImage(t *testing.T) {
	state := t.TempDir()
	s := newSite(t, olvmsim.Options{StateDir: state})
	image := testImage()
	var asQCOW2 []byte
	for _, format := range []string{"raw", "cow"} {
		disk := s.imageDisk(format, format)
		transfer := s.transfer(disk, "upload", "raw", "")
		s.upload(transfer.text("transfer_url"), image)
		require.Equal(t, fmt.Sprint(imageSize), s.get("/imagetransfers/"+transfer.text("id")).text("transferred"))
		s.finalize(transfer, "finished_success")
		require.Equal(t, fmt.Sprint(16*mib), s.get(disk).text("actual_size"), "zeroes take no space")
		requireSame(t, image, s.download(disk, "raw"))
		asQCOW2 = s.download(disk, "cow")
		stored, err := os.ReadFile(filepath.Join(state, "images", strings.TrimPrefix(disk, "/disks/")))
		require.NoError(t, err)
		requireSame(t, image, stored)
	}
	require.Less(t, len(asQCOW2), 17*mib, "a qcow2 image holds no zeroes")
	checkQCOW2(t, asQCOW2)

	disk := s.imageDisk("verbatim", "cow")
	transfer := s.transfer(disk, "upload", "cow", "")
	s.upload(transfer.text("transfer_url"), asQCOW2)
	s.finalize(transfer, "finished_success")
	requireSame(t, asQCOW2, s.download(disk, "cow"))
	requireSame(t, image, s.download(disk, "raw"))

	transfer = s.transfer(disk, "upload", "raw", "") // over what is stored as qcow2
	change := strings.Repeat("z", 1000)
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, transfer.text("transfer_url"), change, "Content-Range", "bytes 5000-5999/*").status)
	s.finalize(transfer, "finished_success")
	copy(image[5000:], change)
	requireSame(t, image, s.download(disk, "raw"))
}

func TestCallsOfTheDataPlaneAreInTheJournal(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	transfer := s.transfer(s.imageDisk("d", "raw"), "upload", "raw", "")
	url := transfer.text("transfer_url")
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, url, "data").status)
	require.Equal(t, http.StatusOK, s.raw(http.MethodGet, url+"/extents", "").status)
	require.Equal(t, 1, s.s.Count(olvmsim.Match{Method: http.MethodPut, Path: "/images/*", Status: http.StatusOK}))
	require.Equal(t, 1, s.s.Count(olvmsim.Match{Method: http.MethodGet, Path: "/images/*/extents"}))
}

// checkQCOW2 asks QEMU where it is installed.
func checkQCOW2(t *testing.T, image []byte) {
	t.Helper()
	program, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Log("qemu-img is not installed: what it thinks of the image is not checked")
		return
	}
	path := filepath.Join(t.TempDir(), "image.qcow2")
	require.NoError(t, os.WriteFile(path, image, 0o600))
	out, err := exec.CommandContext(t.Context(), program, "check", "-f", "qcow2", path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "No errors were found on the image.")
}

func TestAQCOW2ImageMustFitItsDisk(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	large := s.imageDisk("large", "cow")
	image := s.download(large, "cow")
	small := s.disk("cow", "")
	transfer := s.transfer(small, "upload", "cow", "")
	a := s.raw(http.MethodPut, transfer.text("transfer_url"), string(image))
	require.Equal(t, http.StatusOK, a.status, a.raw)
	s.must(http.StatusOK, http.MethodPost, "/imagetransfers/"+transfer.text("id")+"/finalize", "")
	s.pass(time.Second)
	require.Equal(t, "finalizing_failure", s.get("/imagetransfers/"+transfer.text("id")).text("phase"))
	s.pass(time.Second)
	require.Equal(t, "illegal", s.get(small).text("status"))

	transfer = s.transfer(small, "upload", "cow", "") // illegal disks may be uploaded again
	limit := mib*11/10 + 1 + mib
	last := fmt.Sprintf("bytes %d-%d/*", limit-1, limit-1)
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, transfer.text("transfer_url"), "x", "Content-Range", last).status)
	over := fmt.Sprintf("bytes %d-%d/*", limit-1, limit)
	require.Equal(t, http.StatusRequestedRangeNotSatisfiable, s.raw(http.MethodPut, transfer.text("transfer_url"), "xx", "Content-Range", over).status)
}

// The statuses and texts of ovirt-imageio.
func TestImageIOAnswersAsItDoes(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	up := s.transfer(s.disk("raw", ""), "upload", "raw", "").text("transfer_url")
	down := s.transfer(s.disk("raw", ""), "download", "raw", "").text("proxy_url")
	cow := s.transfer(s.disk("cow", ""), "upload", "cow", "").text("transfer_url")
	ticket := down[strings.LastIndex(down, "/")+1:]
	unknown := strings.Replace(up, "/images/", "/images/x", 1)
	all := strings.TrimSuffix(up, up[strings.LastIndex(up, "/")+1:]) + "*"
	for _, test := range []struct {
		method, url, body, header, value string
		status                           int
		text                             string
	}{
		{http.MethodOptions, up, "", "", "", 200, `{"features":["checksum","extents","flush","zero"],"max_readers":8,"max_writers":8}`},
		{http.MethodOptions, all, "", "", "", 200, `{"features":["checksum","extents","flush","zero"],"max_readers":8,"max_writers":8}`},
		{http.MethodOptions, down, "", "", "", 200, `{"features":["checksum","extents"],"max_readers":8,"max_writers":8}`},
		{http.MethodOptions, cow, "", "", "", 200, `{"features":["checksum","extents","flush","zero"],"max_readers":8,"max_writers":1}`},
		{http.MethodPut, up + "?flush=y&close=y", "abc", "", "", 200, ""},
		{http.MethodPut, up, "abc", "Content-Range", "bytes 10-12/1048576", 200, ""},
		{http.MethodPut, up, "", "", "", 200, ""},
		{http.MethodPut, up, "abc", "Content-Range", "chunks 1", 400, "Invalid Content-Range 'chunks 1'\n"},
		{http.MethodPut, up, "abc", "Content-Range", "bytes 1048574-1048576/*", 416, "Requested range out of allowed range\n"},
		{http.MethodPut, up + "?flush=maybe", "abc", "", "", 400, "Invalid value for 'flush': 'maybe'\n"},
		{http.MethodPut, down, "abc", "", "", 403, "You are not allowed to access this resource: Ticket " + ticket + " forbids write\n"},
		{http.MethodPut, unknown, "abc", "", "", 403, "You are not allowed to access this resource: No such ticket " +
			unknown[strings.LastIndex(unknown, "/")+1:] + "\n"},
		{http.MethodPatch, up, `{"op":"zero","offset":4096,"size":4096,"flush":true}`, "", "", 200, ""},
		{http.MethodPatch, up, `{"op":"zero","offset":4096}`, "", "", 400, "Missing required value for 'size'\n"},
		{http.MethodPatch, up, `{"op":"zero","size":1048577}`, "", "", 416, "Requested range out of allowed range\n"},
		{http.MethodPatch, up, `{"op":"shine"}`, "", "", 400, "Invalid value for 'op': 'shine'\n"},
		{http.MethodPatch, up, `{"op":"flush"}`, "", "", 200, ""},
		{http.MethodGet, up, "", "Range", "bytes=0-2", 206, "abc"},
		{http.MethodGet, up, "", "Range", "bytes=-3", 206, "\x00\x00\x00"},
		{http.MethodGet, up, "", "Range", "bytes=1048575-", 206, "\x00"},
		{http.MethodGet, up, "", "Range", "bytes=0-1,4-5", 416, "Requested range out of allowed range\n"},
		{http.MethodGet, up, "", "Range", "bytes=1048576-", 416, "Requested range out of allowed range\n"},
		{http.MethodGet, up, "", "Range", "lines=1-2", 400, "Invalid Range 'lines=1-2'\n"},
		{http.MethodGet, up + "/extents", "", "", "", 200,
			`[{"start":0,"length":4096,"zero":false,"hole":false},{"start":4096,"length":1044480,"zero":true,"hole":true}]`},
		{http.MethodGet, up + "/extents?context=dirty", "", "", "", 404, "Ticket does not support dirty extents\n"},
		{http.MethodGet, down + "/extents", "", "", "", 200, `[{"start":0,"length":1048576,"zero":true,"hole":true}]`},
		{http.MethodGet, cow + "/extents", "", "", "", 200, `[{"start":0,"length":2202010,"zero":true,"hole":true}]`},
		{http.MethodDelete, up, "", "", "", 405, "Method 'DELETE' is not allowed\n"},
		{http.MethodGet, strings.Replace(up, "/images/", "/info/", 1), "", "", "", 404, ""},
	} {
		var headers []string
		if test.header != "" {
			headers = []string{test.header, test.value}
		}
		a := s.raw(test.method, test.url, test.body, headers...)
		require.Equal(t, test.status, a.status, "%s %s %s: %s", test.method, test.url, test.value, a.raw)
		if test.text != "" || a.status == http.StatusOK {
			require.Equal(t, test.text, a.raw, "%s %s", test.method, test.url)
		}
		if a.status == http.StatusRequestedRangeNotSatisfiable {
			require.Equal(t, "bytes */1048576", a.header.Get("Content-Range"))
		}
	}
	require.Equal(t, "OPTIONS,GET,PUT,PATCH", s.raw(http.MethodOptions, up, "").header.Get("Allow"))
	require.Equal(t, "OPTIONS,GET", s.raw(http.MethodOptions, down, "").header.Get("Allow"))
	part := s.raw(http.MethodGet, up, "", "Range", "bytes=1-2")
	require.Equal(t, "bytes 1-2/1048576", part.header.Get("Content-Range"))
	require.Equal(t, "attachment", part.header.Get("Content-Disposition"))
}

func TestChecksumsAreThoseOfTheContent(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	url := s.transfer(s.disk("raw", ""), "upload", "raw", "").text("transfer_url")
	require.Equal(t, http.StatusOK, s.raw(http.MethodPut, url, "abc").status)
	content := append([]byte("abc"), make([]byte, mib-3)...)
	one, zero := sha256.Sum256(content[:512<<10]), sha256.Sum256(content[512<<10:])
	want := sha256.Sum256(append(one[:], zero[:]...))
	a := s.raw(http.MethodGet, url+"/checksum?algorithm=sha256&block_size=524288", "")
	require.Equal(t, map[string]any{"algorithm": "sha256", "block_size": json.Number("524288"), "checksum": fmt.Sprintf("%x", want)}, a.json)
	a = s.raw(http.MethodGet, url+"/checksum", "")
	require.Equal(t, "blake2b", a.text("algorithm"))
	require.Len(t, a.text("checksum"), 64)
	require.Equal(t, http.StatusBadRequest, s.raw(http.MethodGet, url+"/checksum?algorithm=rot13", "").status)
}

// A body of unknown length is refused.
func TestImageIONeedsAContentLength(t *testing.T) {
	s := newSite(t, olvmsim.Options{})
	url := s.transfer(s.disk("raw", ""), "upload", "raw", "").text("transfer_url")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, struct{ *strings.Reader }{strings.NewReader("abc")})
	require.NoError(t, err)
	require.Equal(t, http.StatusBadRequest, s.do(r).status)
}
