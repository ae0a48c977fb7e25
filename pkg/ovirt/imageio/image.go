package imageio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	dialTimeout = 10 * time.Second
	// callTimeout bounds a PUT, PATCH or OPTIONS: a server whose power is off does not answer at all.
	callTimeout = 5 * time.Minute
	// maxReply bounds a reply in bytes; the extents of a fragmented disk are the largest.
	maxReply = 64 << 20
	maxText  = 300
)

// Features that a server announces.
const (
	FeatureZero     = "zero"
	FeatureFlush    = "flush"
	FeatureExtents  = "extents"
	FeatureChecksum = "checksum"
)

// Options is what a server says of a ticket.
type Options struct {
	Features []string `json:"features"`
	// MaxWriters is how many connections may write at the same time; 0 from servers that do not say.
	MaxWriters int `json:"max_writers"`
}

// Extent is a part of a disk as the server sees it, in bytes.
type Extent struct {
	Start  int64 `json:"start"`
	Length int64 `json:"length"`
	// Zero: reads as zeros.
	Zero bool `json:"zero"`
}

// Checksum is a digest of the digests of a disk's blocks.
type Checksum struct {
	Algorithm string `json:"algorithm"`  // for example blake2b, of 32 bytes
	BlockSize int64  `json:"block_size"` // bytes
	Checksum  string `json:"checksum"`   // hexadecimal
}

// Image is the disk of one ticket.
type Image struct {
	url, host, ticket string
	trust             ovirt.Trust
	control           *http.Client
}

// Open makes an Image of a transfer's URL without any I/O.
func Open(transferURL string, trust ovirt.Trust) (*Image, error) {
	u, err := url.Parse(transferURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || path.Base(u.Path) == "/" || path.Base(u.Path) == "." {
		return nil, errors.New("the engine gave no usable URL for the image transfer: https://HOST:PORT/images/TICKET is expected")
	}
	i := &Image{url: u.String(), host: u.Host, ticket: path.Base(u.Path), trust: trust}
	i.control = i.newClient()
	return i, nil
}

// Host is host:port of the server.
func (i *Image) Host() string { return i.host }

// Close drops idle connections.
func (i *Image) Close() { i.control.CloseIdleConnections() }

// newClient has at most one connection at a time per concurrent call, which is kept open.
func (i *Image) newClient() *http.Client {
	trust := i.trust.TLS.Clone()
	trust.DynamicRecordSizingDisabled = true // what is sent is large
	trust.NextProtos = []string{"http/1.1"}  // all that ovirt-imageio speaks
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: trust, TLSHandshakeTimeout: dialTimeout,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second, DisableCompression: true, WriteBufferSize: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Options asks what can be done with the ticket. It is the cheapest call that proves address, certificate and ticket.
func (i *Image) Options(ctx context.Context) (*Options, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	options := &Options{}
	if err := i.fetch(ctx, http.MethodOptions, "", "ask for the features of the image transfer", options); err != nil {
		return nil, err
	}
	return options, nil
}

// Extents lists which parts of the disk read as zeros. It may take long.
func (i *Image) Extents(ctx context.Context) ([]Extent, error) {
	var extents []Extent
	err := i.fetch(ctx, http.MethodGet, "/extents", "list the extents of the disk", &extents)
	return extents, err
}

// Checksum makes the server read the whole disk, so it may take long.
func (i *Image) Checksum(ctx context.Context) (*Checksum, error) {
	sum := &Checksum{}
	if err := i.fetch(ctx, http.MethodGet, "/checksum", "compute the checksum of the disk", sum); err != nil {
		return nil, err
	}
	return sum, nil
}

func (i *Image) fetch(ctx context.Context, method, part, operation string, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, i.url+part, http.NoBody)
	if err != nil {
		return &Error{Kind: Refused, Operation: operation, Host: i.host, Err: errors.New("the ticket's URL makes no request")}
	}
	body, failure := i.exchange(i.control, request, operation)
	if failure != nil {
		return failure
	}
	if err := json.Unmarshal(body, out); err != nil {
		err = fmt.Errorf("the reply is not what is expected: %w", err)
		return &Error{Kind: Refused, Operation: operation, Host: i.host, Status: http.StatusOK, Err: err}
	}
	return nil
}

// exchange sends a request and reads its reply, which must be 200.
func (i *Image) exchange(client *http.Client, request *http.Request, operation string) ([]byte, *Error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, i.noReply(request.Context(), operation, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxReply))
	if err != nil {
		return nil, i.noReply(request.Context(), operation, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, i.refused(operation, response.StatusCode, string(body[:min(len(body), maxText)]))
	}
	return body, nil
}

// Conn is one connection to an Image, kept open between calls. It connects again by itself after an error.
type Conn struct {
	image  *Image
	client *http.Client
}

// Connect makes a connection of its own, without any I/O: the first call connects.
func (i *Image) Connect() *Conn { return &Conn{image: i, client: i.newClient()} }

// Close drops the connection.
func (c *Conn) Close() { c.client.CloseIdleConnections() }

// Put writes length bytes of body at offset. Without flush, what was written is safe only after the next Flush of this Conn. When it
// returns, body is not read any more.
func (c *Conn) Put(ctx context.Context, offset, length int64, body io.Reader, flush bool) error {
	answer := map[bool]string{true: "y", false: "n"}[flush]
	header := http.Header{
		"Content-Range": {fmt.Sprintf("bytes %d-%d/*", offset, offset+length-1)}, "Content-Type": {"application/octet-stream"},
	}
	watched := &watchedBody{Reader: body, closed: make(chan struct{})}
	err := c.send(ctx, http.MethodPut, "?flush="+answer, header, watched, length, "write to the disk")
	<-watched.closed
	return err
}

// watchedBody tells when a transport is through with it, which may be after the reply (http.RoundTripper).
type watchedBody struct {
	io.Reader
	once   sync.Once
	closed chan struct{}
}

func (b *watchedBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// Zero makes length bytes at offset read as zeros.
func (c *Conn) Zero(ctx context.Context, offset, length int64) error {
	body := fmt.Sprintf(`{"op":"zero","offset":%d,"size":%d,"flush":false}`, offset, length)
	return c.patch(ctx, body, "write zeros to the disk")
}

// Flush makes what was written on this Conn safe.
func (c *Conn) Flush(ctx context.Context) error {
	return c.patch(ctx, `{"op":"flush"}`, "flush the disk")
}

func (c *Conn) patch(ctx context.Context, body, operation string) error {
	header := http.Header{"Content-Type": {"application/json"}}
	return c.send(ctx, http.MethodPatch, "", header, io.NopCloser(strings.NewReader(body)), int64(len(body)), operation)
}

func (c *Conn) send(
	ctx context.Context, method, query string, header http.Header, body io.ReadCloser, length int64, operation string,
) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, c.image.url+query, body)
	if err != nil {
		_ = body.Close() // nobody reads it
		return &Error{Kind: Refused, Operation: operation, Host: c.image.host, Err: errors.New("the ticket's URL makes no request")}
	}
	request.Header, request.ContentLength = header, length
	if _, failure := c.image.exchange(c.client, request, operation); failure != nil {
		return failure
	}
	return nil
}
