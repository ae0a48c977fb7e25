package olvmsim

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/imageio"
)

// ImageIOOptions configure the data plane of image transfers.
type ImageIOOptions struct {
	// Listen and ListenProxy are the addresses behind transfer_url (a host's) and proxy_url (the engine's); default
	// 127.0.0.1:0, a random port for each.
	Listen, ListenProxy string
	// FileWriters is how many parallel writers are announced for transfers of files as they are; default 1, as
	// ovirt-imageio does. More work all the same.
	FileWriters int
	// LegacyCancel makes a transfer that its user cancels end in finished_failure, with an upload's disk illegal, as engines
	// before 4.4.7 did. Otherwise it ends in finished_cleanup and the disk is removed.
	LegacyCancel bool
}

// startImageIO makes the data plane the keeper of the engine's disks. It serves until ctx ends.
func (s *Simulator) startImageIO(ctx context.Context) error {
	o := s.options.ImageIO
	host, err := listen(ctx, orLoopback(o.Listen))
	if err != nil {
		return err
	}
	proxy, err := listen(ctx, orLoopback(o.ListenProxy))
	if err != nil {
		return errors.Join(err, host.Close())
	}
	certificate, err := s.ca.serverCertificate(host.Addr().String())
	if err != nil {
		return errors.Join(err, host.Close(), proxy.Close())
	}
	s.imageio, err = imageio.New(imageio.Options{
		Dir: filepath.Join(s.options.StateDir, "images"), Host: host, Proxy: proxy, HostAddress: dialAddress(host.Addr()),
		ProxyAddress: dialAddress(proxy.Addr()), Certificate: certificate, Now: s.engine.Now, FileWriters: o.FileWriters, Log: s.options.Log,
		Record: s.recordTransfer,
	})
	if err != nil {
		return err
	}
	s.engine.UseImages(s.imageio, engine.TransferOptions{LegacyCancel: o.LegacyCancel})
	return nil
}

// recordTransfer puts a call of the data plane into the journal. It names no user: the ticket is all that such a call needs. A replay
// leaves it out, because the journal does not keep the bytes.
func (s *Simulator) recordTransfer(e imageio.Entry) {
	path := "/images/{ticket}"
	if _, part, ok := strings.Cut(strings.TrimPrefix(e.Path, "/images/"), "/"); ok {
		path += "/" + part
	}
	s.journal.add(Request{Time: time.Now(), EngineTime: s.Now(), Method: e.Method, Path: path, RealPath: e.Path, Status: e.Status})
}

func orLoopback(address string) string {
	if address == "" {
		return net.JoinHostPort("127.0.0.1", "0")
	}
	return address
}
