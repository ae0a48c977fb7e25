package registry

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"

	// What the configuration names registers itself.
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

// closeTimeout bounds how long Close waits for requests.
const closeTimeout = 5 * time.Second

// Server is a running registry.
type Server struct {
	// Address is its host and port.
	Address string `json:"address"`
	// CAFile holds the certificate of the authority that signed the registry's, in PEM form.
	CAFile string `json:"caFile"`
	// AuthFile holds the credentials, as podman and docker write them.
	AuthFile string `json:"authFile"`
	// Username and Password are the only ones that it takes.
	Username string `json:"username"`
	Password string `json:"password"`

	dir    string
	http   *http.Server
	app    *handlers.App
	served chan error
}

// Start starts a registry that keeps everything in a directory. Close ends it.
func Start(ctx context.Context, dir string) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the registry: %w", err)
	}
	s := &Server{
		Address: listener.Addr().String(), CAFile: filepath.Join(dir, "ca.pem"), AuthFile: filepath.Join(dir, "auth.json"),
		Username: "ocne", Password: rand.Text(), dir: dir, served: make(chan error, 1),
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the registry: %w", err), listener.Close())
	}
	go func() { s.served <- s.http.ServeTLS(listener, s.path("server.pem"), s.path("server.key")) }() // until Close
	return s, nil
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) prepare(ctx context.Context) error {
	if err := s.writeCertificates(); err != nil {
		return err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(s.Password), bcrypt.MinCost)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("htpasswd"), []byte(s.Username+":"+string(hash)+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.WriteAuthFile(s.AuthFile, s.Address); err != nil {
		return err
	}
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem":  {"rootdirectory": s.path("storage")},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
		Auth: configuration.Auth{"htpasswd": {"realm": "registry of a test", "path": s.path("htpasswd")}},
	}
	config.HTTP.Secret = rand.Text()
	logrus.SetOutput(io.Discard) // the registry's log, which is not the test's
	s.app = handlers.NewApp(ctx, config)
	s.http = &http.Server{Handler: s.app, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	return nil
}

// WriteAuthFile writes the credentials for an address of the registry; it may have several, such as that of a proxy.
func (s *Server) WriteAuthFile(path, address string) error {
	auth := base64.StdEncoding.EncodeToString([]byte(s.Username + ":" + s.Password))
	content, err := json.Marshal(map[string]any{"auths": map[string]any{address: map[string]string{"auth": auth}}})
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// Close ends the registry; its directory stays.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	served := <-s.served
	if errors.Is(served, http.ErrServerClosed) {
		served = nil
	}
	return errors.Join(err, served, s.app.Shutdown())
}
