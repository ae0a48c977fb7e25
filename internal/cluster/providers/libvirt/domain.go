package libvirt

import (
	"path"
	"strconv"

	"github.com/google/uuid"
	"libvirt.org/go/libvirtxml"
)

// documentKey is where Ignition's platform qemu reads its document.
const documentKey = "opt/com.coreos/config"

// Names that guests give their only network card, which follow from its place on the PCI bus.
const (
	deviceNetwork = "enp1s0"
	deviceUser    = "enp0s16"
)

// Shape of a virtual machine.
type Shape struct {
	CPUs    int
	Memory  int64 // bytes
	Storage int64 // bytes: how large its disk can grow
}

// node is a virtual machine as it shall be.
type node struct {
	mark
	id    uuid.UUID
	shape Shape
}

// domainXML describes the virtual machine of a node.
func (hv hypervisor) domainXML(n node, p pool, net lan) (string, error) {
	element, err := n.element()
	if err != nil {
		return "", err
	}
	d := &libvirtxml.Domain{
		Type: hv.kind, Name: n.name(), UUID: n.id.String(),
		Title:       n.name(),
		Description: "Node of the Kubernetes cluster " + n.Cluster + ", made by ocne",
		Metadata:    &libvirtxml.DomainMetadata{XML: element},
		Memory:      &libvirtxml.DomainMemory{Unit: "KiB", Value: uint(n.shape.Memory >> 10)},
		VCPU:        &libvirtxml.DomainVCPU{Value: uint(n.shape.CPUs)},
		OS: &libvirtxml.DomainOS{
			Type:        &libvirtxml.DomainOSType{Arch: hv.arch, Machine: hv.machine, Type: "hvm"},
			BootDevices: []libvirtxml.DomainBootDevice{{Dev: "hd"}},
		},
		SysInfo: []libvirtxml.DomainSysInfo{{FWCfg: &libvirtxml.DomainSysInfoFWCfg{
			Entry: []libvirtxml.DomainSysInfoEntry{{Name: documentKey, File: path.Join(p.directory, documentName(n.name()))}},
		}}},
		Features:   &libvirtxml.DomainFeatureList{ACPI: &libvirtxml.DomainFeature{}, APIC: &libvirtxml.DomainFeatureAPIC{}},
		CPU:        &libvirtxml.DomainCPU{Mode: "host-passthrough"},
		Clock:      &libvirtxml.DomainClock{Offset: "utc"},
		OnPoweroff: "destroy", OnReboot: "restart", OnCrash: "destroy",
		Devices: devices(n, p),
	}
	if hv.kind == TypeQEMU {
		d.CPU.Mode = "maximum"
	}
	if hv.firmware == FirmwareEFI {
		d.OS.Firmware = FirmwareEFI
		d.OS.FirmwareInfo = &libvirtxml.DomainOSFirmwareInfo{Features: []libvirtxml.DomainOSFirmwareFeature{
			{Enabled: "no", Name: "secure-boot"}, {Enabled: "no", Name: "enrolled-keys"},
		}}
	}
	net.attach(d, n)
	text, err := d.Marshal()
	return text, failed("describe domain", n.name(), err)
}

// devices are those that do not depend on the network.
func devices(n node, p pool) *libvirtxml.DomainDeviceList {
	port := uint(0)
	return &libvirtxml.DomainDeviceList{
		Disks: []libvirtxml.DomainDisk{{
			Device: "disk", Driver: &libvirtxml.DomainDiskDriver{Name: "qemu", Type: formatQCOW2, Discard: "unmap"},
			Source: &libvirtxml.DomainDiskSource{File: &libvirtxml.DomainDiskSourceFile{File: path.Join(p.directory, diskName(n.name()))}},
			Target: &libvirtxml.DomainDiskTarget{Dev: "sda", Bus: "scsi"},
		}},
		Controllers: []libvirtxml.DomainController{{Type: "scsi", Model: "virtio-scsi"}},
		Serials: []libvirtxml.DomainSerial{{
			Source: &libvirtxml.DomainChardevSource{Pty: &libvirtxml.DomainChardevSourcePty{}},
			Target: &libvirtxml.DomainSerialTarget{Port: &port},
			Log:    &libvirtxml.DomainChardevLog{File: path.Join(p.directory, consoleName(n.name())), Append: "on"},
		}},
		RNGs: []libvirtxml.DomainRNG{{
			Model: "virtio", Backend: &libvirtxml.DomainRNGBackend{Random: &libvirtxml.DomainRNGBackendRandom{Device: "/dev/urandom"}},
		}},
	}
}

// attach gives a domain its network card.
func (l lan) attach(d *libvirtxml.Domain, n node) {
	first, zero := uint(1), uint(0)
	card := libvirtxml.DomainInterface{
		MAC:     &libvirtxml.DomainInterfaceMAC{Address: n.MAC},
		Model:   &libvirtxml.DomainInterfaceModel{Type: "virtio"},
		Address: &libvirtxml.DomainAddress{PCI: &libvirtxml.DomainAddressPCI{Domain: &zero, Bus: &first, Slot: &zero, Function: &zero}},
	}
	if l.name != "" {
		card.Source = &libvirtxml.DomainInterfaceSource{Network: &libvirtxml.DomainInterfaceSourceNetwork{Network: l.name}}
		d.Devices.Interfaces = append(d.Devices.Interfaces, card)
		return
	}
	// libvirt's own user-mode interface has neither a subnet nor forwarded ports.
	d.QEMUCommandline = &libvirtxml.DomainQEMUCommandline{Args: []libvirtxml.DomainQEMUCommandlineArg{
		{Value: "-netdev"}, {Value: "user,id=ocne,net=" + l.subnet.String() + l.hostForward()},
		{Value: "-device"}, {Value: "virtio-net-pci,netdev=ocne,mac=" + n.MAC + ",bus=pcie.0,addr=0x10,romfile="},
	}}
}

func (l lan) hostForward() string {
	return ",hostfwd=tcp:" + loopback + ":" + strconv.Itoa(l.hostPort) + "-:" + strconv.Itoa(l.apiPort)
}
