package rest

import (
	"encoding/json"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// showVM leaves out of filtered answers what plain users may not see: where the VM runs and may run.
func (r *request) showVM(v engine.VM) VM {
	out := showVM(v)
	if r.visible != nil {
		out.Host, out.PlacementPolicy = nil, nil
	}
	return out
}

func showVM(v engine.VM) VM {
	href := ref("vms", v.ID).Href
	out := showHardware(v.Hardware)
	out.Actions = actionLinks(href, "start", "stop", "shutdown")
	out.Cluster = ref("clusters", v.ClusterID)
	out.Comment, out.Description, out.Name = ptr(v.Comment), ptr(v.Description), ptr(v.Name)
	out.CreationTime, out.StartTime, out.StopTime = millis(v.CreationTime), millis(v.StartTime), millis(v.StopTime)
	out.FQDN, out.Origin = ptr(""), ptr("ovirt")
	out.Href, out.ID, out.Status = href, v.ID, v.Status
	if v.HostID != "" {
		out.Host = ref("hosts", v.HostID)
	}
	if v.StopReason != "" {
		out.StopReason = ptr(v.StopReason)
	}
	out.Initialization = showInitialization(v.Init)
	out.Template, out.OriginalTemplate = ref("templates", v.TemplateID), ref("templates", v.OriginalTemplateID)
	out.Link = subLinks(href, "nics", "diskattachments", "reporteddevices", "tags", "cdroms", "snapshots", "graphicsconsoles",
		"applications", "statistics", "sessions", "permissions", "affinitylabels", "numanodes", "hostdevices", "watchdogs")
	return out
}

// showHardware is the part that VMs and templates share.
func showHardware(h engine.Hardware) VM {
	return VM{
		BIOS: &BIOS{Type: h.BIOSType},
		CPU: &CPU{
			Architecture: h.CPU.Architecture, Mode: h.CPU.Mode,
			Topology: &Topology{Cores: ptr(Int(h.CPU.Cores)), Sockets: ptr(Int(h.CPU.Sockets)), Threads: ptr(Int(h.CPU.Threads))},
		},
		DeleteProtected:  ptr(Bool(h.DeleteProtected)),
		Display:          &Display{CopyPasteEnabled: true, DisconnectAction: "LOCK_SCREEN", FileTransferEnabled: true, Monitors: 1, Type: "vnc"},
		HighAvailability: &HighAvailability{Enabled: ptr(Bool(h.HighlyAvailable)), Priority: ptr(Int(h.HAPriority))},
		Memory:           ptr(Int(h.Memory)),
		MemoryPolicy:     &MemoryPolicy{Ballooning: ptr(Bool(h.Ballooning)), Guaranteed: ptr(Int(h.GuaranteedMemory)), Max: ptr(Int(h.MaxMemory))},
		OS:               &OS{Boot: &Boot{Devices: &BootDevices{Device: h.BootDevices}}, Type: h.OSType},
		PlacementPolicy:  &PlacementPolicy{Affinity: h.Affinity},
		Stateless:        ptr(Bool(h.Stateless)),
		Type:             ptr(h.Type),
	}
}

// showInitialization leaves out what is empty, and never shows the password.
func showInitialization(init *engine.Initialization) *Initialization {
	if init == nil {
		return nil
	}
	given := func(s *string) *string {
		if s == nil || *s == "" {
			return nil
		}
		return s
	}
	out := &Initialization{
		AuthorizedSSHKeys: given(init.AuthorizedSSHKeys), CloudInitNetworkProtocol: given(init.NetworkProtocol),
		CustomScript: given(init.CustomScript), DNSSearch: given(init.DNSSearch), DNSServers: given(init.DNSServers),
		HostName: given(init.HostName), NICConfigurations: json.RawMessage("{}"), RegenerateSSHKeys: ptr(Bool(false)),
		Timezone: given(init.Timezone), UserName: given(init.UserName),
	}
	if given(init.RootPassword) != nil {
		out.RootPassword = ptr("******")
	}
	if init.RegenerateSSHKeys != nil {
		out.RegenerateSSHKeys = ptr(Bool(*init.RegenerateSSHKeys))
	}
	if init.NICConfigurations != nil {
		out.NICConfigurations = init.NICConfigurations
	}
	return out
}

// owner is the VM or template that a device belongs to.
type owner struct {
	collection, id string
}

func (o owner) refs() (vm, template *Ref) {
	if o.collection == "templates" {
		return nil, ref(o.collection, o.id)
	}
	return ref(o.collection, o.id), nil
}

func showNIC(n engine.NIC, of owner) NIC {
	href := ref(of.collection, of.id).Href + "/nics/" + n.ID
	out := NIC{
		Href: href, ID: n.ID, Interface: ptr(n.Interface), Link: subLinks(href, "reporteddevices", "statistics"),
		Linked: ptr(Bool(n.Linked)), Name: ptr(n.Name), Plugged: ptr(Bool(n.Plugged)), Synced: ptr(Bool(true)),
	}
	out.VM, out.Template = of.refs()
	if n.MAC != "" {
		out.MAC = &MAC{Address: n.MAC}
	}
	if n.ProfileID != "" {
		out.VNICProfile = ref("vnicprofiles", n.ProfileID)
	}
	return out
}

func showAttachment(a engine.Attachment, of owner) DiskAttachment {
	out := DiskAttachment{
		Active: ptr(Bool(a.Active)), Bootable: ptr(Bool(a.Bootable)), Disk: &Disk{Href: ref("disks", a.DiskID).Href, ID: a.DiskID},
		Href: ref(of.collection, of.id).Href + "/diskattachments/" + a.DiskID, ID: a.DiskID, Interface: a.Interface,
		PassDiscard: ptr(Bool(false)), ReadOnly: ptr(Bool(a.ReadOnly)), UsesSCSIReservation: ptr(Bool(false)),
	}
	out.VM, out.Template = of.refs()
	return out
}

func showDisk(d engine.Disk) Disk {
	href := ref("disks", d.ID).Href
	out := Disk{
		ActualSize: ptr(Int(d.ActualSize)), Alias: ptr(d.Alias), ContentType: d.ContentType, Description: ptr(d.Description),
		DiskProfile: ref("diskprofiles", d.StorageDomainID), Format: d.Format, Href: href, ID: d.ID, ImageID: d.ImageID,
		Link: subLinks(href, "permissions", "statistics"), Name: ptr(d.Alias), PropagateErrors: ptr(Bool(false)),
		ProvisionedSize: ptr(Int(d.ProvisionedSize)), Shareable: ptr(Bool(d.Shareable)), Sparse: ptr(Bool(d.Sparse)), Status: d.Status,
		StorageDomains: &StorageDomains{StorageDomain: []Ref{*ref("storagedomains", d.StorageDomainID)}}, StorageType: "image",
		TotalSize: ptr(Int(d.ActualSize)), WipeAfterDelete: ptr(Bool(d.WipeAfterDelete)),
	}
	if d.Format == "cow" {
		out.QcowVersion = "qcow2_v3"
	}
	return out
}
