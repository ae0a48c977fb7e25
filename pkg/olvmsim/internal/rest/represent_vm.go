package rest

import (
	"cmp"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// allContent says whether the caller wants everything of a VM: a header or a parameter.
func (r *request) allContent() bool {
	if values := r.Header.Values("All-Content"); len(values) > 0 {
		return parseFlag(values[0], false)
	}
	return r.flag("all_content", false)
}

// showVM leaves out of filtered answers what plain users may not see: where the VM runs and may run. Devices show in the
// answer to a POST and where the caller asks for all content.
func (s *Server) showVM(r *request, v engine.VM, devices bool) VM {
	if v.NextRun != nil && r.flag("next_run", false) {
		v.Hardware = *v.NextRun
	}
	out := showVM(v)
	out.FQDN = ptr(s.Engine.Reported(v).FQDN)
	if r.visible != nil {
		out.Host, out.PlacementPolicy = nil, nil
	}
	all := r.allContent()
	if devices || all {
		out.Console, out.SoundcardEnabled = &Enabled{Enabled: ptr(Bool(v.SerialConsole))}, ptr(Bool(v.Soundcard))
		out.VirtioSCSI = &Enabled{Enabled: ptr(Bool(v.VirtioSCSI))}
	}
	if all {
		out.Initialization.Configuration = ovf(v)
	}
	return out
}

func showVM(v engine.VM) VM {
	href := ref("vms", v.ID).Href
	out := showHardware(v.Hardware)
	out.Actions = actionLinks(href, "autopincpuandnumanodes", "cancelmigration", "clone", "commitsnapshot", "detach", "export", "freezefilesystems",
		"logon", "maintenance", "migrate", "previewsnapshot", "reboot", "reordermacaddresses", "reset", "screenshot", "shutdown", "start",
		"stop", "suspend", "thawfilesystems", "ticket", "undosnapshot")
	out.Cluster = ref("clusters", v.ClusterID)
	out.Comment, out.Description, out.Name = ptr(v.Comment), ptr(v.Description), ptr(v.Name)
	out.CreationTime, out.StartTime, out.StopTime = millis(v.CreationTime), millis(v.StartTime), millis(v.StopTime)
	out.FQDN, out.Origin = ptr(""), ptr("ovirt")
	out.HasIllegalImages, out.RunOnce = ptr(Bool(false)), ptr(Bool(v.RunOnce))
	out.Href, out.ID, out.Status = href, v.ID, v.Status
	out.NextRunConfigurationExists = ptr(Bool(v.NextRun != nil))
	if v.HostID != "" {
		out.Host = ref("hosts", v.HostID)
	}
	if v.InstanceTypeID != "" {
		out.InstanceType = ref("instancetypes", v.InstanceTypeID)
	}
	if v.LeaseDomainID != "" {
		out.Lease = &Lease{ref("storagedomains", v.LeaseDomainID)}
	}
	if v.QuotaID != "" {
		out.Quota = &Ref{ID: v.QuotaID}
	}
	if v.StopReason != "" {
		out.StopReason = ptr(v.StopReason)
	}
	out.Initialization = showInitialization(v.Init)
	out.Template, out.OriginalTemplate = ref("templates", v.TemplateID), ref("templates", v.OriginalTemplateID)
	out.Link = subLinks(href, "affinitylabels", "applications", "cdroms", "diskattachments", "graphicsconsoles", "hostdevices", "nics",
		"numanodes", "permissions", "reporteddevices", "sessions", "snapshots", "statistics", "tags", "watchdogs")
	return out
}

// showHardware is the part that VMs and templates share.
func showHardware(h engine.Hardware) VM {
	out := VM{
		BIOS: &BIOS{Type: h.BIOSType},
		CPU: &CPU{
			Architecture: h.CPU.Architecture, Mode: h.CPU.Mode,
			Topology: &Topology{Cores: ptr(Int(h.CPU.Cores)), Sockets: ptr(Int(h.CPU.Sockets)), Threads: ptr(Int(h.CPU.Threads))},
		},
		CPUShares:        ptr(Int(h.CPUShares)),
		DeleteProtected:  ptr(Bool(h.DeleteProtected)),
		Display:          &Display{CopyPasteEnabled: true, DisconnectAction: "LOCK_SCREEN", FileTransferEnabled: true, Monitors: 1},
		HighAvailability: &HighAvailability{Enabled: ptr(Bool(h.HighlyAvailable)), Priority: ptr(Int(h.HAPriority))},
		IO:               &IO{Threads: ptr(Int(h.IOThreads))},
		Memory:           ptr(Int(h.Memory)),
		MemoryPolicy:     &MemoryPolicy{Ballooning: ptr(Bool(h.Ballooning)), Guaranteed: ptr(Int(h.GuaranteedMemory)), Max: ptr(Int(h.MaxMemory))},
		Migration:        &Migration{AutoConverge: "inherit", Compressed: "inherit", Encrypted: "inherit"},

		MigrationDowntime:           ptr(Int(-1)),
		MultiQueuesEnabled:          ptr(Bool(true)),
		NUMATuneMode:                ptr("interleave"),
		OS:                          &OS{Boot: &Boot{Devices: &BootDevices{Device: h.BootDevices}}, Type: h.OSType},
		PlacementPolicy:             &PlacementPolicy{Affinity: h.Affinity},
		StartPaused:                 ptr(Bool(h.StartPaused)),
		Stateless:                   ptr(Bool(h.Stateless)),
		StorageErrorResumeBehaviour: ptr("auto_resume"),
		TimeZone:                    &TimeZone{Name: cmp.Or(h.TimeZone, "Etc/GMT")},
		Type:                        ptr(h.Type),
		USB:                         &Enabled{Enabled: ptr(Bool(false))},
	}
	showFeatures(&out, h)
	return out
}

func showFeatures(out *VM, h engine.Hardware) {
	if len(h.Graphics) > 0 {
		out.Display.Type = h.Graphics[0]
	}
	if h.MigrationDowntime != nil {
		out.MigrationDowntime = (*Int)(h.MigrationDowntime)
	}
	if h.CustomCPUModel != "" {
		out.CustomCPUModel = ptr(h.CustomCPUModel)
	}
	if h.CustomEmulatedMachine != "" {
		out.CustomEmulatedMachine = ptr(h.CustomEmulatedMachine)
	}
	for _, id := range h.PlacementHosts {
		if out.PlacementPolicy.Hosts == nil {
			out.PlacementPolicy.Hosts = &HostRefs{}
		}
		out.PlacementPolicy.Hosts.Host = append(out.PlacementPolicy.Hosts.Host, *ref("hosts", id))
	}
	for _, p := range h.CustomProperties {
		if out.CustomProperties == nil {
			out.CustomProperties = &CustomProperties{}
		}
		out.CustomProperties.CustomProperty = append(out.CustomProperties.CustomProperty, CustomProperty{Name: p.Name, Value: p.Value})
	}
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
		Actions: actionLinks(href, "activate", "deactivate"),
		Href:    href, ID: n.ID, Interface: ptr(n.Interface), Link: subLinks(href, "reporteddevices", "statistics"),
		Linked: ptr(Bool(n.Linked)), Name: ptr(n.Name), OnBoot: ptr(Bool(true)), Plugged: ptr(Bool(n.Plugged)), Synced: ptr(Bool(true)),
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
		PassDiscard: ptr(Bool(a.PassDiscard)), ReadOnly: ptr(Bool(a.ReadOnly)), UsesSCSIReservation: ptr(Bool(a.UsesSCSIReservation)),
	}
	out.VM, out.Template = of.refs()
	return out
}
