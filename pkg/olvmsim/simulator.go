package olvmsim

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/imageio"
	"github.com/ocne-project/ocne/pkg/olvmsim/internal/rest"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// username is the engine's built-in administrator.
const username = engine.AdminName

// Options configure a Simulator. The zero value is a simulator on a random port of the loopback interface, with a
// generated password, the default inventory, nothing running in the VMs, and time at its real pace.
type Options struct {
	// Password of admin@internal; empty means a generated one, see Simulator.Password.
	Password string
	// Listen is the address to listen on; default 127.0.0.1:0.
	Listen string
	// StateDir keeps the certificate authority, the VMs' console logs (console/<vm name>-<vm id>.log) and what was uploaded
	// to disks (images/<disk id>). Default: a fresh private directory that is removed at the end.
	StateDir string
	// CAFile is where the CA's certificate is written for clients; default ca.pem in StateDir.
	CAFile string
	// InventoryFile is a YAML file, see package inventory. It wins over Inventory.
	InventoryFile string
	// Inventory is what the engine holds at start; nil means inventory.Default.
	Inventory *inventory.Inventory
	// ImageIO configures the data plane of image transfers.
	ImageIO ImageIOOptions
	// TimeScale makes the engine's time run that many times faster than real time; 0 means 1.
	TimeScale float64
	// Clock is Real or Stepped; default Real.
	Clock Clock
	// Seed makes a run the same each time: ids, chances and the engine's time at the start. 0 means that they are random and
	// the present. With a stepped clock and a client that makes one call after the other, the journal is the same as well.
	Seed int64
	// StartTime is the engine's time at the start; default: the present, with a seed or a stepped clock the start of 2026.
	StartTime time.Time
	// ScenarioFile is a YAML file, see Scenario. It wins over Scenario.
	ScenarioFile string
	// Scenario is what goes wrong in the course of the run; nil means nothing.
	Scenario *Scenario
	// LoadFile is a file that Simulator.Save wrote; what the engine holds then comes from there. Users keep their passwords
	// from the inventory: none are saved.
	LoadFile string
	// Guests run inside the VMs; nil means that nothing does. The Simulator closes them when it stops.
	Guests Guests
	// Log receives what is worth knowing about the simulator itself; nil means nothing is logged.
	Log *slog.Logger
}

// Simulator is a running simulated engine.
type Simulator struct {
	options  Options
	ca       *authority
	url      string
	tempDir  string
	engine   *engine.Engine
	rest     *rest.Server
	imageio  *imageio.Server
	power    *power
	journal  journal
	faults   faults
	scenario script
	// passwords are those of the engine's users, by their names.
	passwords map[string]string
	// guestURL is the engine's address in the guests' network; empty without one.
	guestURL string
	server   *http.Server
	cancel   context.CancelFunc
	running  sync.WaitGroup
	stopOnce sync.Once
}

// Start starts a simulator. It runs until Stop is called; the end of ctx stops it too, but Stop must be called all the
// same to wait for the end and to clean up. On an error the Guests are closed.
func Start(ctx context.Context, options Options) (*Simulator, error) {
	s := &Simulator{options: options}
	if err := s.start(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	return s, nil
}

func (s *Simulator) start(ctx context.Context) error {
	if err := s.complete(); err != nil {
		return err
	}
	inv, err := s.loadInventory()
	if err != nil {
		return err
	}
	if s.ca, err = loadAuthority(s.options.StateDir); err != nil {
		return err
	}
	if err := s.writeCA(); err != nil {
		return err
	}
	listener, err := listen(ctx, s.options.Listen)
	if err != nil {
		return err
	}
	s.url = "https://" + dialAddress(listener.Addr()) + "/ovirt-engine"
	listeners, err := s.listenToGuests(listener)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	certificate, err := s.ca.serverCertificate(listeners.addresses()...)
	if err != nil {
		return errors.Join(err, listeners.close())
	}
	// Guests are stopped in order by Stop, not all at once by the end of ctx.
	s.power = newPower(context.WithoutCancel(ctx), s.options.Guests, filepath.Join(s.options.StateDir, "console"), s.options.Log)
	if err := s.newEngine(inv); err != nil {
		return errors.Join(err, listeners.close())
	}
	s.power.attach(s.engine)
	if reporter, ok := s.options.Guests.(AddressReporter); ok {
		s.engine.ReportAddresses(reporter.Addresses)
	}
	if err := s.startImageIO(ctx); err != nil {
		return errors.Join(err, listeners.close())
	}
	s.passwords = map[string]string{username: s.options.Password}
	for _, u := range inv.Users {
		s.passwords[u.Name] = u.Password
	}
	s.rest = rest.New(rest.Options{
		Engine: s.engine, Passwords: s.passwords, CA: s.ca.pem,
		Record: s.record, Intercept: s.intercept, Now: s.sessionTime, Vendor: s.vendor(),
	})
	if err := s.begin(s.options.Scenario); err != nil {
		return errors.Join(err, listeners.close())
	}
	s.serve(ctx, listeners, certificate)
	return nil
}

// vendor is how clients find out that the VMs run no containers.
func (s *Simulator) vendor() string {
	if g, ok := s.options.Guests.(Podless); ok && g.Podless() {
		return VendorWithoutPods
	}
	return ""
}

func (s *Simulator) newEngine(inv inventory.Inventory) (err error) {
	o := engine.Options{TimeScale: s.options.TimeScale, Stepped: s.options.Clock == Stepped, Start: s.options.StartTime, Seed: s.options.Seed}
	if s.options.LoadFile == "" {
		s.engine, err = engine.New(inv, o, s.power)
		return err
	}
	if err := s.load(o); err != nil {
		return fmt.Errorf("load state from %s: %w", s.options.LoadFile, err)
	}
	return nil
}

func (s *Simulator) serve(ctx context.Context, listeners listeners, certificate tls.Certificate) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.server = &http.Server{
		Handler:           http.HandlerFunc(s.serveHTTP),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		ErrorLog:          slog.NewLogLogger(s.options.Log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 30 * time.Second,
	}
	s.running.Go(func() { s.engine.Run(ctx) })
	s.running.Go(func() { s.imageio.Run(ctx) })
	for _, listener := range listeners {
		s.running.Go(func() {
			if err := s.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
				s.options.Log.Error("HTTPS server ended", "error", err)
			}
		})
	}
	s.running.Go(func() {
		<-ctx.Done()
		s.closeServer()
	})
}

func (s *Simulator) closeServer() {
	// No call takes longer than its own computation, so a second is generous; idle connections are dropped at once.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
}

// Stop ends everything, guests included, and waits for it. It may be called more than once.
func (s *Simulator) Stop() {
	s.stopOnce.Do(func() {
		if s.cancel != nil {
			s.cancel()
			s.running.Wait()
		}
		switch {
		case s.power != nil:
			s.power.close()
		case s.options.Guests != nil:
			s.options.Guests.Close()
		}
		if s.tempDir != "" {
			_ = os.RemoveAll(s.tempDir)
		}
	})
}

// complete fills in the defaults.
func (s *Simulator) complete() error {
	o := &s.options
	if o.TimeScale < 0 {
		return fmt.Errorf("time scale %g: must be greater than 0", o.TimeScale)
	}
	if o.TimeScale == 0 {
		o.TimeScale = 1
	}
	if o.Clock == "" {
		o.Clock = Real
	}
	if o.Clock != Real && o.Clock != Stepped {
		return fmt.Errorf("clock %q: must be %s or %s", o.Clock, Real, Stepped)
	}
	if o.StartTime.IsZero() && (o.Seed != 0 || o.Clock == Stepped) {
		o.StartTime = defaultStart()
	}
	if o.ScenarioFile != "" {
		scenario, err := LoadScenario(o.ScenarioFile)
		if err != nil {
			return err
		}
		o.Scenario = scenario
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Password == "" {
		o.Password = rand.Text()
	}
	if o.StateDir == "" {
		dir, err := os.MkdirTemp("", "olvmsim-")
		if err != nil {
			return fmt.Errorf("create state directory: %w", err)
		}
		o.StateDir, s.tempDir = dir, dir
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return fmt.Errorf("create state directory: %w", err)
	}
	if o.CAFile == "" {
		o.CAFile = filepath.Join(o.StateDir, caFileName)
	}
	return nil
}

func (s *Simulator) loadInventory() (inventory.Inventory, error) {
	switch {
	case s.options.InventoryFile != "":
		return inventory.Load(s.options.InventoryFile)
	case s.options.Inventory != nil:
		return *s.options.Inventory, nil
	}
	return inventory.Default(), nil
}

func (s *Simulator) writeCA() error {
	if s.options.CAFile == filepath.Join(s.options.StateDir, caFileName) {
		return nil
	}
	if err := os.WriteFile(s.options.CAFile, s.ca.pem, 0o644); err != nil { //nolint:gosec // a CA certificate is public
		return fmt.Errorf("write CA file: %w", err)
	}
	return nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("listen on %s: the port is in use; stop the program that holds it or choose another address: %w", address, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return listener, nil
}

// dialAddress is where clients on this machine reach a listener, which may listen on all addresses.
func dialAddress(address net.Addr) string {
	host, port, err := net.SplitHostPort(address.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address.String()
}

// URL is the engine's address, https://<host>:<port>/ovirt-engine.
func (s *Simulator) URL() string { return s.url }

// GuestURL is the engine's address for what runs inside VMs; empty when they have no network of their own.
func (s *Simulator) GuestURL() string { return s.guestURL }

// CA is the certificate authority's certificate in PEM.
func (s *Simulator) CA() []byte { return s.ca.pem }

// CAFile is the file that holds CA.
func (s *Simulator) CAFile() string { return s.options.CAFile }

// StateDir is the directory with the console logs.
func (s *Simulator) StateDir() string { return s.options.StateDir }

// Username is admin@internal.
func (s *Simulator) Username() string { return username }

// Password is the one given, or the generated one.
func (s *Simulator) Password() string { return s.options.Password }

// ExpireTokens makes the engine forget all tokens, as its restart does: clients get 401 and must sign on again.
func (s *Simulator) ExpireTokens() { s.rest.ExpireTokens() }

func (s *Simulator) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.serveControl(w, r)
		return
	}
	if s.serveDown(w) {
		return
	}
	s.rest.ServeHTTP(w, r)
}
