package rest

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/wire"
)

// accepted chooses the format of the reply: the caller's favourite, XML where it does not matter; ok is false when the caller
// takes neither.
func accepted(accept string) (format wire.Format, ok bool) {
	if strings.TrimSpace(accept) == "" {
		return wire.XML, true
	}
	best := 0.0
	for entry := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(entry)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
			quality = q
		}
		var offered wire.Format
		switch mediaType {
		case "application/json", "text/json":
			offered = wire.JSON
		case "application/xml", "text/xml", "application/*", "*/*":
			offered = wire.XML
			quality *= 0.999 // a format that is named wins over one that is not: XML is only the one without a better
			if strings.HasSuffix(mediaType, "xml") {
				quality /= 0.999
			}
		default:
			continue
		}
		if quality > best {
			best, format = quality, offered
		}
	}
	return format, best > 0
}

// bodyFormat is the format of a request's body; ok is false for other types.
func bodyFormat(contentType string) (format wire.Format, ok bool) {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil && mediaType == "" {
		return wire.XML, false
	}
	switch {
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		return wire.JSON, true
	case mediaType == "application/xml", mediaType == "text/xml", strings.HasSuffix(mediaType, "+xml"):
		return wire.XML, true
	}
	return wire.XML, false
}

// write sends a reply in the caller's format.
func (s *Server) write(w http.ResponseWriter, r *request, a reply, segments []string) {
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	if _, empty := a.body.(struct{}); empty && len(segments) > 0 {
		a.body = wire.List{Key: collectionKey(segments[len(segments)-1])}
	}
	raw, err := s.codec.Append(s.buffers.take(), r.format, wire.RootName(a.body), a.body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set(headerType, r.format.ContentType())
	if href := hrefOf(a.body); href != "" && a.status == http.StatusCreated {
		w.Header().Set("Location", "https://"+r.Host+href)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(raw)
	s.buffers.give(raw)
}

// buffers keeps some memory for replies: a list of 1,000 VMs has 8 MB. Unlike in a sync.Pool, the garbage collector leaves it alone.
type buffers chan []byte

func newBuffers() buffers { return make(buffers, 4) }

func (b buffers) take() []byte {
	select {
	case buffer := <-b:
		return buffer[:0]
	default:
		return nil
	}
}

func (b buffers) give(buffer []byte) {
	select {
	case b <- buffer:
	default:
	}
}
