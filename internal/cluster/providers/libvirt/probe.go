package libvirt

import (
	"context"
	"time"

	rpc "github.com/digitalocean/go-libvirt"
	"github.com/google/uuid"
	"libvirt.org/go/libvirtxml"
)

// probePatience is how long a guest of one instruction may take to run. With KVM it takes less than a second.
const probePatience = 20 * time.Second

// probeSize is that of the probing guest's disk in bytes: the BIOS boots no disk of one sector.
const probeSize = 1 << 20

// probeDisk is the boot disk of a guest that reports itself to QEMU's pvpanic device and stops: a proof that the processor runs guests.
//
//	movw $0x505, %dx; movb $1, %al; outb %al, %dx; 1: hlt; jmp 1b
func probeDisk() []byte {
	disk := make([]byte, probeSize)
	copy(disk, []byte{0xba, 0x05, 0x05, 0xb0, 0x01, 0xee, 0xf4, 0xeb, 0xfd})
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}

// chooseType is the configured domain type, else kvm where a guest really runs with it, else qemu. That /dev/kvm exists and that libvirt lists
// kvm proves nothing: there are hosts that have both, and whose guests never run.
func (h *host) chooseType(ctx context.Context, p pool, configured string, report func(string)) (kind, arch string, err error) {
	arch, offered, err := h.offers(TypeKVM)
	switch {
	case err != nil || configured != "":
		return configured, arch, err
	case !offered:
		report("this host offers no KVM: virtual machines are emulated, which takes many times longer")
		return TypeQEMU, arch, nil
	case arch != "x86_64":
		// The guest that proves it is for x86; there is no such device elsewhere.
		return TypeKVM, arch, nil
	}
	ok, err := h.probe(ctx, p, TypeKVM, probeDisk(), probePatience)
	if err != nil {
		return "", "", err
	}
	if !ok {
		report("KVM does not run guests on this host: virtual machines are emulated, which takes many times longer")
		return TypeQEMU, arch, nil
	}
	return TypeKVM, arch, nil
}

// probe starts a guest of the domain type from a boot disk and says whether it ran in time.
func (h *host) probe(ctx context.Context, p pool, kind string, disk []byte, patience time.Duration) (ran bool, err error) {
	name := probePrefix + uuid.NewString()
	if err := h.writeVolume(p, name, "0644", disk); err != nil {
		return false, err
	}
	defer func() {
		v, exists, lookup := h.findVolume(p.StoragePool, name)
		if lookup == nil && exists {
			lookup = h.removeVolume(v)
		}
		if err == nil {
			err = lookup
		}
	}()
	text, err := probeDomain(name, kind, p.directory+"/"+name).Marshal()
	if err != nil {
		return false, failed("probe domain type", kind, err)
	}
	// The domain ends with this connection, whatever ends it.
	d, err := h.DomainCreateXML(text, rpc.DomainStartAutodestroy)
	if err != nil {
		return false, ctx.Err() // a guest that cannot be started does not run
	}
	defer func() { _ = h.DomainDestroy(d) }() // it may have ended by itself
	return h.awaitPanic(ctx, d, patience)
}

func (h *host) awaitPanic(ctx context.Context, d rpc.Domain, patience time.Duration) (bool, error) {
	late := time.After(patience)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		state, reason, err := h.DomainGetState(d, 0)
		switch {
		case isCode(err, rpc.ErrNoDomain):
			return false, nil // QEMU gave up
		case err != nil:
			return false, failed("look at domain", d.Name, err)
		case rpc.DomainState(state) == rpc.DomainCrashed:
			return rpc.DomainCrashedReason(reason) == rpc.DomainCrashedPanicked, nil
		}
		select {
		case <-ctx.Done():
			return false, context.Cause(ctx)
		case <-late:
			return false, nil
		case <-again.C:
		}
	}
}

func probeDomain(name, kind, disk string) *libvirtxml.Domain {
	d := &libvirtxml.Domain{
		Type: kind, Name: name,
		Memory:  &libvirtxml.DomainMemory{Unit: "MiB", Value: 32},
		VCPU:    &libvirtxml.DomainVCPU{Value: 1},
		OS:      &libvirtxml.DomainOS{Type: &libvirtxml.DomainOSType{Arch: "x86_64", Machine: machineType("x86_64"), Type: "hvm"}},
		OnCrash: "preserve",
		Devices: &libvirtxml.DomainDeviceList{
			Disks: []libvirtxml.DomainDisk{{
				Device: "disk", Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: formatRaw},
				Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: disk}},
				Target: &libvirtxml.DomainDiskTarget{Dev: "sda", Bus: "sata"},
			}},
			Panics: []libvirtxml.DomainPanic{{Model: "isa"}},
		},
	}
	if kind == TypeKVM {
		d.CPU = &libvirtxml.DomainCPU{Mode: "host-passthrough"}
	}
	return d
}
