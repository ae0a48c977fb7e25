package imageio

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/crypto/blake2b"
)

func (s *Server) get(w *statusRecorder, r *http.Request, t *ticket) error {
	shown, err := t.content(false)
	if err != nil {
		return err
	}
	size := shown.size()
	offset, length, status := int64(0), size, http.StatusOK
	if text := r.Header.Get("Range"); text != "" {
		if offset, length, err = requestedRange(text, size); err != nil {
			w.Header().Set(headerRange, fmt.Sprintf("bytes */%d", size))
			return err
		}
		status = http.StatusPartialContent
		w.Header().Set(headerRange, fmt.Sprintf("bytes %d-%d/%d", offset, offset+length-1, size))
	}
	w.Header().Set(headerType, "application/octet-stream")
	w.Header().Set("Content-Disposition", "attachment")
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	w.WriteHeader(status)
	buffer := s.buffers.Get().(*[copySize]byte)
	defer s.buffers.Put(buffer)
	for length > 0 {
		part := buffer[:min(length, copySize)]
		if _, err := shown.ReadAt(part, offset); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		t.count(offset, offset+int64(len(part)))
		offset, length = offset+int64(len(part)), length-int64(len(part))
	}
	return nil
}

func (s *Server) extents(w *statusRecorder, r *http.Request, t *ticket) error {
	switch context := r.URL.Query().Get("context"); context {
	case "", "zero":
	case "dirty":
		return refuse(http.StatusNotFound, msgDirty)
	default:
		return refuse(http.StatusBadRequest, msgInvalidValue, quote("context"), quote(context))
	}
	shown, err := t.content(false)
	if err != nil {
		return err
	}
	list, err := shown.extents()
	if err != nil {
		return err
	}
	if list == nil {
		list = []extent{}
	}
	writeJSON(w, list)
	return nil
}

// checksum is that of ovirt-imageio: the digest of the digests of the blocks.
func (s *Server) checksum(w *statusRecorder, r *http.Request, t *ticket) error {
	block := int64(checksumBlock)
	if text := r.URL.Query().Get("block_size"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n <= 0 || n > maxChecksumBlock {
			return refuse(http.StatusBadRequest, msgInvalidValue, quote("block_size"), quote(text))
		}
		block = n
	}
	algorithm := r.URL.Query().Get("algorithm")
	if algorithm == "" {
		algorithm = "blake2b"
	}
	newHash, ok := map[string]func() hash.Hash{"blake2b": newBLAKE2b, "sha256": sha256.New}[algorithm]
	if !ok {
		return refuse(http.StatusBadRequest, msgInvalidValue, quote("algorithm"), quote(algorithm))
	}
	shown, err := t.content(false)
	if err != nil {
		return err
	}
	sum, err := blockSum(shown, block, newHash)
	if err != nil {
		return err
	}
	writeJSON(w, struct {
		Algorithm string `json:"algorithm"`
		BlockSize int64  `json:"block_size"`
		Checksum  string `json:"checksum"`
	}{algorithm, block, hex.EncodeToString(sum)})
	return nil
}

func newBLAKE2b() hash.Hash {
	h, _ := blake2b.New256(nil) // fails for bad keys only
	return h
}

func blockSum(shown content, block int64, newHash func() hash.Hash) ([]byte, error) {
	root, inner := newHash(), newHash()
	buffer, zeroes := make([]byte, block), make([]byte, block)
	inner.Write(zeroes)
	zeroSum := inner.Sum(nil)
	for at := int64(0); at < shown.size(); at += block {
		part := buffer[:min(block, shown.size()-at)]
		if _, err := shown.ReadAt(part, at); err != nil {
			return nil, err
		}
		if bytes.Equal(part, zeroes) {
			root.Write(zeroSum)
			continue
		}
		inner.Reset()
		inner.Write(part)
		root.Write(inner.Sum(nil))
	}
	return root.Sum(nil), nil
}

// contentStart is the first byte that a Content-Range names; the rest of the header is checked for its form only.
func contentStart(header string) (int64, error) {
	if header == "" {
		return 0, nil
	}
	bad := refuse(http.StatusBadRequest, msgContentRange, quote(header))
	text, ok := strings.CutPrefix(header, "bytes ")
	if !ok {
		return 0, bad
	}
	text, total, ok := strings.Cut(text, "/")
	if _, err := strconv.ParseInt(total, 10, 64); !ok || total != "*" && err != nil {
		return 0, bad
	}
	first, last, ok := strings.Cut(text, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !ok || err != nil || start < 0 {
		return 0, bad
	}
	if end, err := strconv.ParseInt(last, 10, 64); err != nil || end < start {
		return 0, bad
	}
	return start, nil
}

// requestedRange reads a Range of one part: bytes=a-b, bytes=a- or bytes=-n.
func requestedRange(header string, size int64) (offset, length int64, err error) {
	outside := refuse(http.StatusRequestedRangeNotSatisfiable, msgOutOfRange)
	bad := refuse(http.StatusBadRequest, msgRange, quote(header))
	text, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return 0, 0, bad
	}
	if strings.Contains(text, ",") {
		return 0, 0, outside
	}
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		return 0, 0, bad
	}
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		switch {
		case err != nil || n <= 0:
			return 0, 0, bad
		case n > size:
			return 0, 0, outside
		}
		return size - n, n, nil
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0, bad
	}
	end := size - 1
	if last != "" {
		if end, err = strconv.ParseInt(last, 10, 64); err != nil || end < start {
			return 0, 0, bad
		}
	}
	if start >= size || end >= size {
		return 0, 0, outside
	}
	return start, end - start + 1, nil
}
