package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

const passwordVariable = "OLVMSIM_PASSWORD"

type serveOptions struct {
	listen, caFile, inventory, stateDir, password string
	guests                                        guestOptions
	clock, scenario, load                         string
	timeScale                                     float64
	seed                                          int64
	imageIO                                       olvmsim.ImageIOOptions
}

// ready is the line on standard output that says that calls are served.
type ready struct {
	URL      string `json:"url"`
	CAFile   string `json:"caFile"`
	Username string `json:"username"`
	// GuestURL and Proxy are there with guests that have a network of their own: the engine's URL in it, and a proxy into it.
	GuestURL string `json:"guestUrl,omitempty"`
	Proxy    string `json:"proxy,omitempty"`
}

func (o serveOptions) run(ctx context.Context, stdout, stderr io.Writer) error {
	if o.timeScale <= 0 {
		return fmt.Errorf("--time-scale %g: must be greater than 0", o.timeScale)
	}
	if o.stateDir != "" {
		o.guests.dir = filepath.Join(o.stateDir, "guests")
	}
	guests, err := newGuests(ctx, o.guests)
	if err != nil {
		return err
	}
	simulator, err := olvmsim.Start(ctx, olvmsim.Options{
		Inventory: imageInventory(guests),
		Password:  o.password, Listen: o.listen, StateDir: o.stateDir, CAFile: o.caFile, InventoryFile: o.inventory,
		TimeScale: o.timeScale, Clock: olvmsim.Clock(o.clock), Seed: o.seed, ScenarioFile: o.scenario, LoadFile: o.load, ImageIO: o.imageIO,
		Guests: guests, Log: slog.New(slog.NewTextHandler(stderr, nil)),
	})
	if err != nil {
		return err
	}
	defer simulator.Stop()
	if o.password == "" {
		if _, err := fmt.Fprintf(stderr, "olvmsim: password of %s: %s\n", simulator.Username(), simulator.Password()); err != nil {
			return fmt.Errorf("print password: %w", err)
		}
	}
	caFile, err := filepath.Abs(simulator.CAFile())
	if err != nil {
		return fmt.Errorf("find CA file: %w", err)
	}
	where := ready{URL: simulator.URL(), CAFile: caFile, Username: simulator.Username(), GuestURL: simulator.GuestURL()}
	if proxied, ok := guests.(interface{ Proxy() string }); ok {
		where.Proxy = proxied.Proxy()
	}
	if err := json.NewEncoder(stdout).Encode(where); err != nil {
		return fmt.Errorf("print readiness: %w", err)
	}
	<-ctx.Done()
	return nil
}
