package main

import (
	"context"
	"fmt"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/guest"
)

const (
	guestsNone    = "none"
	guestsInstant = "instant"
)

// newGuests makes what runs in the VMs; nil means nothing.
func newGuests(ctx context.Context, kind string) (olvmsim.Guests, error) {
	switch kind {
	case guestsNone:
		return nil, nil
	case guestsInstant:
		// The simulator stops guests in order when it ends; the end of ctx alone must not tear them down.
		instant, err := guest.NewInstant(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("start instant guests: %w", err)
		}
		return instant, nil
	}
	return nil, fmt.Errorf("--guests %q: must be %s or %s", kind, guestsNone, guestsInstant)
}
