package olvmsim

import (
	"context"
	"io"
	"net"
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

// Shutdowner may be implemented by Guests that can be asked to halt, as by the ACPI power button. The VM goes down when the guest calls
// GuestVM.Halted. Guests without it always halt, after a while.
type Shutdowner interface {
	// Shutdown is called after Start, and does not wait for the guest.
	Shutdown(vmID string)
}

// VendorWithoutPods is the vendor of an engine whose VMs make nodes that run no Pods.
const VendorWithoutPods = "olvmsim (its VMs run no Pods)"

// Podless may be implemented by Guests whose nodes do not run what Kubernetes schedules on them. The engine then has the vendor
// VendorWithoutPods.
type Podless interface {
	Podless() bool
}

// Networked may be implemented by Guests whose VMs are on a network of their own, for the engine to be reached from there.
type Networked interface {
	// ListenEngine listens on that network, on the port that the engine has elsewhere.
	ListenEngine(port string) (net.Listener, error)
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
	// MetaData and NetworkData are its meta_data.json and network_data.json; there is no NetworkData where no NIC is to be configured.
	MetaData, NetworkData []byte
	// KubernetesVersion is what the image of the VM's template holds, with its leading "v"; may be empty.
	KubernetesVersion string
	// MACs are the addresses of the NICs that are plugged and linked.
	MACs []string
	// Networks are the engine's ids of the logical networks that those NICs are on, in the same order; "" for a NIC on none.
	Networks []string
	// Halted tells the engine that the guest has switched the VM off, or has died. It may be called at any time, from any goroutine, and does
	// not wait for the Stop that follows. Calls after the power of this run is gone do nothing.
	Halted func()
	// Console is the VM's serial console. It stays usable until Stop has returned.
	Console io.Writer
}
