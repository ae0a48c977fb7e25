package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// maxSocketPath is what fits into sockaddr_un on Linux, less a margin for the names of the sockets.
const maxSocketPath = 90

// startEtcd opens etcd on unix sockets inside a directory that only this user may enter: etcd has no other access control
// here, and it holds every Secret. It returns the URL for clients, which are in this process.
func (c *controlPlane) startEtcd(ctx context.Context, dir string, fsync bool) (string, error) {
	sockets := dir
	if len(dir) > maxSocketPath {
		var err error
		if c.directory, err = os.Open(dir); err != nil {
			return "", fmt.Errorf("directory for etcd's sockets: %w", err)
		}
		sockets = fmt.Sprintf("/proc/self/fd/%d", c.directory.Fd()) // the same directory, by a short name
	}
	client := url.URL{Scheme: "unix", Path: filepath.Join(sockets, "etcd.sock")}
	// etcd listens for peers at the URL's host part; with a path alone it would open an abstract socket, which has no permissions.
	peer := url.URL{Scheme: "unix", Host: filepath.Join(sockets, "peer.sock")}
	// The advertised addresses must look like host:port; a single member never dials them.
	advertised := url.URL{Scheme: "http", Host: "127.0.0.1:2380"}

	cfg := embed.NewConfig()
	cfg.Dir = filepath.Join(dir, "etcd")
	cfg.LogLevel = "fatal" // its listeners log every stop as errors; what fails is returned
	cfg.UnsafeNoFsync = !fsync
	cfg.ListenClientUrls = []url.URL{client}
	cfg.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2379"}}
	cfg.ListenPeerUrls = []url.URL{peer}
	cfg.AdvertisePeerUrls = []url.URL{advertised}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)

	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return "", fmt.Errorf("start etcd in %s: %w", cfg.Dir, err)
	}
	c.etcd = e
	select {
	case <-e.Server.ReadyNotify():
		return client.String(), nil
	case err := <-e.Err():
		return "", fmt.Errorf("etcd: %w", err)
	case <-ctx.Done():
		return "", ctx.Err()
	case <-time.After(time.Minute):
		return "", fmt.Errorf("etcd in %s was not ready after a minute", cfg.Dir)
	}
}
