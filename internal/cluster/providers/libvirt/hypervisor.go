package libvirt

import (
	"fmt"
	"slices"

	"libvirt.org/go/libvirtxml"
)

// Domain types.
const (
	TypeKVM  = "kvm"
	TypeQEMU = "qemu"
)

// Firmware of virtual machines.
const (
	FirmwareEFI  = "efi"
	FirmwareBIOS = "bios"
)

// hypervisor is what virtual machines are made of on a host.
type hypervisor struct {
	kind     string // domain type
	arch     string
	machine  string
	firmware string
	noSLIRP  bool // QEMU has no user-mode networking of its own
}

// offers says whether the host's capabilities list a domain type for its own architecture. That is no proof that one runs.
func (h *host) offers(kind string) (arch string, offered bool, err error) {
	text, err := h.ConnectGetCapabilities()
	if err != nil {
		return "", false, failed("read capabilities of", h.uri, err)
	}
	var caps libvirtxml.Caps
	if err := caps.Unmarshal(text); err != nil {
		return "", false, failed("read capabilities of", h.uri, err)
	}
	if caps.Host.CPU == nil || caps.Host.CPU.Arch == "" {
		return "", false, failed("read capabilities of", h.uri, errIncomplete)
	}
	arch = caps.Host.CPU.Arch
	for _, g := range caps.Guests {
		if g.OSType == "hvm" && g.Arch.Name == arch {
			offered = offered || slices.ContainsFunc(g.Arch.Domains, func(d libvirtxml.CapsGuestDomain) bool { return d.Type == kind })
		}
	}
	return arch, offered, nil
}

// machineType is the type of machine for an architecture, as libvirt calls it.
func machineType(arch string) string {
	if arch == "x86_64" {
		return "q35"
	}
	return "virt"
}

// inspect finds out what virtual machines of a domain type can be made of. firmware and kind are as configured; both may be empty for the best.
func (h *host) inspect(kind, arch, firmware string) (hypervisor, error) {
	hv := hypervisor{kind: kind, arch: arch, machine: machineType(arch), firmware: FirmwareBIOS}
	text, err := h.ConnectGetDomainCapabilities(nil, optional(arch), optional(hv.machine), optional(kind), 0)
	if err != nil {
		return hypervisor{}, &Error{
			Op: "make virtual machines of type", Object: kind, Err: err,
			Remedy: "Install QEMU for " + arch + " on the host, or choose kvm or qemu in providers.libvirt.domainType.",
		}
	}
	var caps libvirtxml.DomainCaps
	if err := caps.Unmarshal(text); err != nil {
		return hypervisor{}, failed("read domain capabilities of", h.uri, err)
	}
	var efi bool
	if caps.OS != nil {
		efi = slices.Contains(values(caps.OS.Enums, "firmware"), FirmwareEFI)
	}
	if firmware == FirmwareEFI && !efi {
		return hypervisor{}, &Error{
			Op: "make virtual machines with", Object: "UEFI", Err: fmt.Errorf("libvirt offers no UEFI firmware for %s", hv.machine),
			Remedy: "Install the host's package with UEFI firmware (ovmf, edk2-ovmf), or leave the firmware to the host.",
		}
	}
	if firmware == FirmwareEFI || firmware == "" && efi {
		hv.firmware = FirmwareEFI
	}
	if caps.Devices != nil && caps.Devices.Interface != nil {
		backends := values(caps.Devices.Interface.Enums, "backendType")
		hv.noSLIRP = len(backends) > 0 && !slices.Contains(backends, "default")
	}
	return hv, nil
}

func values(enums []libvirtxml.DomainCapsEnum, name string) []string {
	for _, e := range enums {
		if e.Name == name {
			return e.Values
		}
	}
	return nil
}
