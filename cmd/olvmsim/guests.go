package main

import (
	"context"
	"fmt"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/guest"
)

const (
	guestsNone      = "none"
	guestsInstant   = "instant"
	guestsContainer = "container"
)

// guestOptions say what runs in the VMs.
type guestOptions struct {
	kind, nodeImage, network string
	// dir is where container guests keep disks; empty means a temporary directory.
	dir string
}

// newGuests makes what runs in the VMs; nil means nothing.
func newGuests(ctx context.Context, o guestOptions) (olvmsim.Guests, error) {
	switch o.kind {
	case guestsNone:
		return nil, nil
	case guestsInstant:
		// The simulator stops guests in order when it ends; the end of ctx alone must not tear them down.
		instant, err := guest.NewInstant(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("start instant guests: %w", err)
		}
		return instant, nil
	case guestsContainer:
		return newContainerGuests(o)
	}
	return nil, fmt.Errorf("--guests %q: must be %s, %s or %s", o.kind, guestsNone, guestsInstant, guestsContainer)
}
