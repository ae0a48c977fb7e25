package olvmsim

import (
	"context"
	"io"
)

// Guests is what runs "inside" the VMs. The simulator calls it from several goroutines at once, but never
// concurrently for the same VM.
type Guests interface {
	// Start is called when the VM is powering up. An error is written on the VM's console log and the VM
	// stays up, as a real one would. ctx ends when the power goes or the simulator stops.
	Start(ctx context.Context, vm GuestVM) error
	// Stop is called when the power of a VM for which Start was called is gone.
	Stop(vmID string)
	// Close waits until everything that the guests run has ended. It is called once, after the last Stop.
	Close()
}

// AddressReporter may be implemented by Guests that know the addresses of their VMs. The engine's API reports them, as by a
// guest agent, while the VM is up; the control endpoint shows them whenever there are any. Calls come from several
// goroutines at once.
type AddressReporter interface {
	Addresses(vmID string) []string
}

// Remover may be implemented by Guests that keep something for a VM that is switched off, such as the content of its
// disk.
type Remover interface {
	// Remove is called after the VM was removed from the engine, and after Stop where Start was called.
	Remove(vmID string)
}

// GuestVM is what a VM sees of itself when it boots.
type GuestVM struct {
	ID, Name string
	OSType   string
	// UserData is what the config drive holds as openstack/latest/user_data; nil means no config drive.
	UserData []byte
	// KubernetesVersion is what the image of the VM's template holds, with its leading "v"; may be empty.
	KubernetesVersion string
	// Console is the VM's serial console. It stays usable until Stop has returned.
	Console io.Writer
}
