package libvirt

import (
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// killedAfter does something over a connection that ends after so many packets to the daemon.
func (d daemon) killedAfter(t *testing.T, packets int, do func(h *host) error) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		forward(listener, packets)
	}()
	defer func() { <-done }()
	defer func() { _ = listener.Close() }() // the forwarding may have closed it
	h, err := open(t.Context(), Connection{URI: d.URI + "?socket=" + path})
	if err != nil {
		return err
	}
	defer h.close()
	return do(h)
}

// forward hands on one connection until it ends, or until so many packets went to the daemon. A packet begins with its length (libvirt's
// virnetprotocol.x).
func forward(listener net.Listener, packets int) {
	client, err := listener.Accept()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }() // it may be closed already
	server, err := net.Dial("unix", "/run/libvirt/libvirt-sock")
	if err != nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, server) // it ends with the connection
	}()
	for range packets {
		var length uint32
		if binary.Read(client, binary.BigEndian, &length) != nil || binary.Write(server, binary.BigEndian, length) != nil {
			break
		}
		if _, err := io.CopyN(server, client, int64(length)-4); err != nil {
			break
		}
	}
	_, _ = client.Close(), server.Close() // this is what ends the copying
	<-back
}
