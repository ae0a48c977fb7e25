package imageio_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
	"github.com/ocne-project/ocne/pkg/ovirt/imageio"
)

const (
	ticket = "7e2f0b3a-9f5b-4a38-9d0f-0f6f1f0c7a11"
	caURL  = "https://engine/ovirt-engine/services/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
)

// server is a data plane with replies that a test gives.
type server struct {
	*httptest.Server
	mu          sync.Mutex
	requests    []string // "METHOD path?query Content-Range body"
	connections map[net.Conn]bool
}

func newServer(t *testing.T, reply http.HandlerFunc) *server {
	t.Helper()
	s := &server{connections: map[net.Conn]bool{}}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Content-Range")+" "+string(body))
		s.mu.Unlock()
		reply(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(c net.Conn, state http.ConnState) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if state == http.StateNew {
			s.connections[c] = true
		}
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) trust() ovirt.Trust {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return ovirt.Trust{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, CAURL: caURL}
}

func (s *server) image(t *testing.T) *imageio.Image {
	t.Helper()
	image, err := imageio.Open(s.URL+"/images/"+ticket, s.trust())
	require.NoError(t, err)
	t.Cleanup(image.Close)
	return image
}

func say(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func TestCallsOnTheWire(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		replies := map[string]string{
			"OPTIONS /images/" + ticket:           `{"unix_socket":"x","features":["checksum","extents","flush","zero"],"max_readers":8,"max_writers":8}`,
			"GET /images/" + ticket + "/extents":  `[{"start":0,"length":10,"zero":false,"hole":false},{"start":10,"length":5,"zero":true,"hole":true}]`,
			"GET /images/" + ticket + "/checksum": `{"checksum":"abc","algorithm":"blake2b","block_size":4194304}`,
		}
		say(http.StatusOK, replies[r.Method+" "+r.URL.Path])(w, r)
	})
	image, ctx := s.image(t), t.Context()
	options, err := image.Options(ctx)
	require.NoError(t, err)
	require.Equal(t, &imageio.Options{Features: []string{"checksum", "extents", "flush", "zero"}, MaxWriters: 8}, options)
	extents, err := image.Extents(ctx)
	require.NoError(t, err)
	require.Equal(t, []imageio.Extent{{Start: 0, Length: 10}, {Start: 10, Length: 5, Zero: true}}, extents)
	sum, err := image.Checksum(ctx)
	require.NoError(t, err)
	require.Equal(t, &imageio.Checksum{Algorithm: "blake2b", BlockSize: 4 << 20, Checksum: "abc"}, sum)
	conn := image.Connect()
	defer conn.Close()
	require.NoError(t, conn.Put(ctx, 100, 3, strings.NewReader("abc"), false))
	require.NoError(t, conn.Put(ctx, 103, 1, strings.NewReader("d"), true))
	require.NoError(t, conn.Zero(ctx, 4096, 8192))
	require.NoError(t, conn.Flush(ctx))
	require.Equal(t, []string{
		"OPTIONS /images/" + ticket + "  ", "GET /images/" + ticket + "/extents  ", "GET /images/" + ticket + "/checksum  ",
		"PUT /images/" + ticket + "?flush=n bytes 100-102/* abc", "PUT /images/" + ticket + "?flush=y bytes 103-103/* d",
		"PATCH /images/" + ticket + `  {"op":"zero","offset":4096,"size":8192,"flush":false}`, "PATCH /images/" + ticket + `  {"op":"flush"}`,
	}, s.requests)
	require.Len(t, s.connections, 2, "one for the image, one for the Conn, kept open")
}

func TestEachRefusalHasItsKind(t *testing.T) {
	for _, test := range []struct {
		reply http.HandlerFunc
		kind  imageio.Kind
		text  string
	}{
		{say(http.StatusForbidden, "You are not allowed to access this resource: No such ticket "+ticket+"\n"), imageio.NoTicket,
			"403 Forbidden: You are not allowed to access this resource: No such ticket [ticket]"},
		{say(http.StatusRequestedRangeNotSatisfiable, "Requested range out of allowed range\n"), imageio.OutOfRange,
			"416 Requested Range Not Satisfiable: Requested range out of allowed range"},
		{say(http.StatusInternalServerError, "[Errno 28] No space left on device"), imageio.Interrupted,
			"500 Internal Server Error: [Errno 28] No space left"},
		{say(http.StatusServiceUnavailable, ""), imageio.Interrupted, "503 Service Unavailable"},
		{say(http.StatusBadRequest, "Invalid Content-Range 'x'"), imageio.Refused, "400 Bad Request: Invalid Content-Range 'x'"},
		{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere/", http.StatusFound)
		}, imageio.Refused, "302 Found"},
		{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, imageio.Interrupted, "EOF"},
	} {
		s := newServer(t, test.reply)
		conn := s.image(t).Connect()
		err := conn.Put(t.Context(), 0, 3, strings.NewReader("abc"), false)
		conn.Close()
		require.ErrorIs(t, err, test.kind)
		require.ErrorContains(t, err, test.text)
		require.ErrorContains(t, err, "write to the disk at "+s.Listener.Addr().String())
		require.NotContains(t, err.Error(), ticket)
	}
}

func TestAServerThatIsNotThereIsUnreachable(t *testing.T) {
	s := newServer(t, say(http.StatusOK, "{}"))
	image := s.image(t)
	s.Close()
	_, err := image.Options(t.Context())
	require.ErrorIs(t, err, imageio.Unreachable)
	require.NotContains(t, err.Error(), ticket)
}

func TestACallWhoseContextEndsIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := s.image(t).Options(ctx)
	require.ErrorIs(t, err, imageio.Cancelled)
	require.ErrorIs(t, err, context.Canceled)
}

func TestAnUntrustedCertificateNamesItsCAAndWhereToGetIt(t *testing.T) {
	s := newServer(t, say(http.StatusOK, "{}"))
	nobody := ovirt.Trust{TLS: &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}, CAURL: caURL}
	image, err := imageio.Open(s.URL+"/images/"+ticket, nobody)
	require.NoError(t, err)
	_, err = image.Options(t.Context())
	require.ErrorIs(t, err, imageio.Untrusted)
	untrusted, ok := errors.AsType[*imageio.UntrustedCertificateError](err)
	require.True(t, ok)
	require.Equal(t, s.Certificate().Issuer.String(), untrusted.Issuer)
	require.ErrorContains(t, err, caURL)
	require.NotContains(t, err.Error(), ticket)
}

func TestURLsThatAreNoTicketsAreRefused(t *testing.T) {
	for _, url := range []string{"", "http://host/images/t", "https://host", "https://host/", "://x"} {
		_, err := imageio.Open(url, ovirt.Trust{TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
		require.Error(t, err, url)
		if url != "" {
			require.NotContains(t, err.Error(), url)
		}
	}
}

func TestRepliesThatAreNoneOfADataPlaneAreRefused(t *testing.T) {
	s := newServer(t, say(http.StatusOK, "<html>"))
	_, err := s.image(t).Options(t.Context())
	require.ErrorIs(t, err, imageio.Refused)
}
