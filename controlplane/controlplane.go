package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

type options struct {
	dir   string
	port  int
	fsync bool
}

// stopPart bounds how long one part may take to stop before the next one is stopped anyway.
const stopPart = 20 * time.Second

// controlPlane is a running control plane. Its parts stop in the order controllers, API server, etcd: an API server whose
// clients are still connected waits for their watches, and one whose etcd is gone waits for that.
type controlPlane struct {
	kubeconfig string
	server     string
	failed     chan error // a part ended by itself

	lock            *os.File
	directory       *os.File // of the state, when etcd's sockets need it open; or nil
	etcd            *embed.Etcd
	connections     *trackingListener
	stopAPIServer   context.CancelFunc
	apiServerDone   chan struct{}
	stopControllers context.CancelFunc
	controllersDone chan struct{}
}

func start(ctx context.Context, o options) (_ *controlPlane, err error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", o.dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a directory, private to its owner
		return nil, fmt.Errorf("state directory: %w", err)
	}
	c := &controlPlane{failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			_ = c.stop()
		}
	}()
	if c.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	keys, err := loadPKI(filepath.Join(dir, "pki"))
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, dir, o.port)
	if err != nil {
		return nil, err
	}
	c.connections = listener
	c.server = "https://" + listener.Addr().String()
	socket, err := c.startEtcd(ctx, dir, o.fsync)
	if err != nil {
		return nil, err
	}
	if err := c.startAPIServer(keys, socket); err != nil {
		return nil, err
	}
	if err := c.wait(ctx, keys, usablePath, c.failed); err != nil {
		return nil, err
	}
	c.kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := keys.writeKubeconfig(c.kubeconfig, c.server); err != nil {
		return nil, err
	}
	return c, c.startControllers(keys)
}

// stop is safe to call on a control plane that has only partly started.
func (c *controlPlane) stop() error {
	var errs []error
	if c.stopControllers != nil {
		c.stopControllers()
		errs = append(errs, await(c.controllersDone, "controllers"))
	}
	if c.stopAPIServer != nil {
		c.stopAPIServer()
		c.connections.closeAll()
		errs = append(errs, await(c.apiServerDone, "kube-apiserver"))
	}
	if c.etcd != nil {
		c.etcd.Close()
	}
	if c.directory != nil {
		errs = append(errs, c.directory.Close())
	}
	if c.lock != nil {
		errs = append(errs, c.lock.Close())
	}
	return errors.Join(errs...)
}

func await(done <-chan struct{}, part string) error {
	select {
	case <-done:
		return nil
	case <-time.After(stopPart):
		return fmt.Errorf("%s did not stop within %s", part, stopPart)
	}
}

// lockDir keeps a second process from opening the same state. The kernel drops the lock when its holder dies, however it dies.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("state directory %s is in use by another ocne-controlplane: %w", dir, err)
	}
	return f, nil
}

// listen opens the API server's port. A restart takes the port of the last start again, so that kubeconfigs stay valid.
func listen(ctx context.Context, dir string, port int) (*trackingListener, error) {
	file := filepath.Join(dir, "port")
	remembered := false
	if port == 0 {
		if b, err := os.ReadFile(file); err == nil {
			port, _ = strconv.Atoi(strings.TrimSpace(string(b)))
			remembered = port != 0
		}
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if remembered && errors.Is(err, syscall.EADDRINUSE) { // taken by somebody since; the kubeconfig is written anew
		l, err = config.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("API server port: %w (choose another one with --port)", err)
	}
	taken := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err := os.WriteFile(file, []byte(taken+"\n"), 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("remember the port: %w", err)
	}
	return &trackingListener{Listener: l, open: map[net.Conn]struct{}{}}, nil
}
