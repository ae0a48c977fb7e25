//go:build !linux

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

const defaultGuestNetwork = ""

func newContainerGuests(guestOptions) (olvmsim.Guests, error) {
	return nil, errors.New("--guests container: only on Linux")
}

func imageInventory(olvmsim.Guests) *inventory.Inventory { return nil }

func containerCommands() []*cobra.Command { return nil }
