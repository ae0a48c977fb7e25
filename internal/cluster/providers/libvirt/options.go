package libvirt

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
)

// Options of a cluster.
type Options struct {
	Connection
	// Cluster is the cluster's name: a DNS label. It is the stem of all names on the host.
	Cluster string
	// Pool is the storage pool of the disks; DefaultPool when empty, which is made when it is missing.
	Pool    string
	Image   Image
	Network Network
	// ControlPlaneNodes is odd, WorkerNodes may be 0.
	ControlPlaneNodes, WorkerNodes int
	ControlPlane, Worker           Shape
	// DomainType is TypeKVM or TypeQEMU; the host is probed when it is empty.
	DomainType string
	// Firmware is FirmwareEFI or FirmwareBIOS; UEFI where the host offers it when empty.
	Firmware string
	// APIPort of the nodes' API; 6443 when 0.
	APIPort                    int
	PodSubnets, ServiceSubnets []netip.Prefix
	// Private makes a new cluster its owner's alone (Connection.Owner).
	Private bool
	// KeepOnError leaves what was made when a creation fails, to look at it.
	KeepOnError bool
	// Report is told what happens, in a few words; it may be nil.
	Report func(string)
}

// The shape of a node where nothing else is asked for, and the least of one.
const (
	defaultCPUs    = 2
	defaultMemory  = 4 << 30
	defaultStorage = 20 << 30
	leastMemory    = 16 << 20
)

func (s Shape) withDefaults() Shape {
	return Shape{cmp.Or(s.CPUs, defaultCPUs), cmp.Or(s.Memory, defaultMemory), cmp.Or(s.Storage, defaultStorage)}
}

// Keep leaves the machines of a cluster that is there where they are, whatever the configuration says by now.
func (o *Options) Keep(there Cluster) {
	o.Pool, o.Network.Name, o.Network.UserMode = there.Pool, there.Network, there.Network == ""
	if there.Network == networkName(there.Name) {
		o.Network.Name = "" // its own, which is made again when it is missing
	}
}

// complete fills in defaults and checks what does not need the host.
func (o Options) complete() (Options, error) {
	o.URI = cmp.Or(o.URI, DefaultURI)
	o.Pool = cmp.Or(o.Pool, DefaultPool)
	o.APIPort = cmp.Or(o.APIPort, 6443)
	o.ControlPlane, o.Worker = o.ControlPlane.withDefaults(), o.Worker.withDefaults()
	if o.Report == nil {
		o.Report = func(string) {}
	}
	refuse := func(format string, args ...any) (Options, error) {
		return Options{}, &Error{Op: "start cluster", Object: o.Cluster, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`).MatchString(o.Cluster):
		return refuse("%q is no name for a cluster: use up to 40 small letters, digits and hyphens", o.Cluster)
	case o.ControlPlaneNodes < 1 || o.ControlPlaneNodes%2 == 0:
		return refuse("%d control plane nodes: etcd needs an odd number", o.ControlPlaneNodes)
	case o.WorkerNodes < 0 || o.WorkerNodes > firstDynamic-firstWorker || o.ControlPlaneNodes > firstWorker-firstControlPlane:
		return refuse("%d control plane nodes and %d workers are too many", o.ControlPlaneNodes, o.WorkerNodes)
	case o.DomainType != "" && o.DomainType != TypeKVM && o.DomainType != TypeQEMU:
		return refuse("domain type %q: use kvm or qemu, or leave it to the host", o.DomainType)
	case o.Firmware != "" && o.Firmware != FirmwareEFI && o.Firmware != FirmwareBIOS:
		return refuse("firmware %q: use efi or bios, or leave it to the host", o.Firmware)
	case o.ControlPlane.Memory < leastMemory || o.Worker.Memory < leastMemory:
		return refuse("a node of %s memory: it must have %s at least", mebibytes(min(o.ControlPlane.Memory, o.Worker.Memory)), mebibytes(leastMemory))
	}
	return o, nil
}
