package rest

// VM is a virtual machine. Pointers distinguish "not said" from "empty" in requests.
type VM struct {
	Actions                     *Links            `json:"actions,omitempty"`
	BIOS                        *BIOS             `json:"bios,omitempty"`
	Cluster                     *Ref              `json:"cluster,omitempty"`
	Comment                     *string           `json:"comment,omitempty"`
	Console                     *Enabled          `json:"console,omitempty"`
	CPU                         *CPU              `json:"cpu,omitempty"`
	CPUShares                   *Int              `json:"cpu_shares,omitempty"`
	CreationTime                *Millis           `json:"creation_time,omitempty"`
	CustomCompatibilityVersion  *Version          `json:"custom_compatibility_version,omitempty"`
	CustomCPUModel              *string           `json:"custom_cpu_model,omitempty"`
	CustomEmulatedMachine       *string           `json:"custom_emulated_machine,omitempty"`
	CustomProperties            *CustomProperties `json:"custom_properties,omitempty"`
	DeleteProtected             *Bool             `json:"delete_protected,omitempty"`
	Description                 *string           `json:"description,omitempty"`
	DiskAttachments             *DiskAttachments  `json:"disk_attachments,omitempty"`
	Display                     *Display          `json:"display,omitempty"`
	FQDN                        *string           `json:"fqdn,omitempty"`
	HasIllegalImages            *Bool             `json:"has_illegal_images,omitempty"`
	HighAvailability            *HighAvailability `json:"high_availability,omitempty"`
	Host                        *Ref              `json:"host,omitempty"`
	Href                        string            `json:"href,omitempty"`
	ID                          string            `json:"id,omitempty"`
	Initialization              *Initialization   `json:"initialization,omitempty"`
	InstanceType                *Ref              `json:"instance_type,omitempty"`
	IO                          *IO               `json:"io,omitempty"`
	Lease                       *Lease            `json:"lease,omitempty"`
	Link                        []Link            `json:"link,omitempty"`
	Memory                      *Int              `json:"memory,omitempty"`
	MemoryPolicy                *MemoryPolicy     `json:"memory_policy,omitempty"`
	Migration                   *Migration        `json:"migration,omitempty"`
	MigrationDowntime           *Int              `json:"migration_downtime,omitempty"`
	MultiQueuesEnabled          *Bool             `json:"multi_queues_enabled,omitempty"`
	Name                        *string           `json:"name,omitempty"`
	NextRunConfigurationExists  *Bool             `json:"next_run_configuration_exists,omitempty"`
	NUMATuneMode                *string           `json:"numa_tune_mode,omitempty"`
	Origin                      *string           `json:"origin,omitempty"`
	OriginalTemplate            *Ref              `json:"original_template,omitempty"`
	OS                          *OS               `json:"os,omitempty"`
	PlacementPolicy             *PlacementPolicy  `json:"placement_policy,omitempty"`
	Quota                       *Ref              `json:"quota,omitempty"`
	RunOnce                     *Bool             `json:"run_once,omitempty"`
	SoundcardEnabled            *Bool             `json:"soundcard_enabled,omitempty"`
	StartPaused                 *Bool             `json:"start_paused,omitempty"`
	StartTime                   *Millis           `json:"start_time,omitempty"`
	Stateless                   *Bool             `json:"stateless,omitempty"`
	Status                      string            `json:"status,omitempty"`
	StopReason                  *string           `json:"stop_reason,omitempty"`
	StopTime                    *Millis           `json:"stop_time,omitempty"`
	StorageErrorResumeBehaviour *string           `json:"storage_error_resume_behaviour,omitempty"`
	Template                    *Ref              `json:"template,omitempty"`
	TimeZone                    *TimeZone         `json:"time_zone,omitempty"`
	Type                        *string           `json:"type,omitempty"`
	USB                         *Enabled          `json:"usb,omitempty"`
	VirtioSCSI                  *Enabled          `json:"virtio_scsi,omitempty"`
	unusedVM
}

// unusedVM is the rest of the engine's Vm.
type unusedVM struct {
	AffinityLabels           unused `json:"affinity_labels,omitempty"`
	Applications             unused `json:"applications,omitempty"`
	AutoPinningPolicy        unused `json:"auto_pinning_policy,omitempty"`
	CDROMs                   unused `json:"cdroms,omitempty"`
	CPUPinningPolicy         unused `json:"cpu_pinning_policy,omitempty"`
	CPUProfile               unused `json:"cpu_profile,omitempty"`
	Domain                   unused `json:"domain,omitempty"`
	DynamicCPU               unused `json:"dynamic_cpu,omitempty"`
	ExternalHostProvider     unused `json:"external_host_provider,omitempty"`
	Floppies                 unused `json:"floppies,omitempty"`
	GraphicsConsoles         unused `json:"graphics_consoles,omitempty"`
	GuestOperatingSystem     unused `json:"guest_operating_system,omitempty"`
	GuestTimeZone            unused `json:"guest_time_zone,omitempty"`
	HostDevices              unused `json:"host_devices,omitempty"`
	KatelloErrata            unused `json:"katello_errata,omitempty"`
	LargeIcon                unused `json:"large_icon,omitempty"`
	MediatedDevices          unused `json:"mediated_devices,omitempty"`
	NICs                     unused `json:"nics,omitempty"`
	NUMANodes                unused `json:"numa_nodes,omitempty"`
	Payloads                 unused `json:"payloads,omitempty"`
	Permissions              unused `json:"permissions,omitempty"`
	ReportedDevices          unused `json:"reported_devices,omitempty"`
	RNGDevice                unused `json:"rng_device,omitempty"`
	SerialNumber             unused `json:"serial_number,omitempty"`
	Sessions                 unused `json:"sessions,omitempty"`
	SmallIcon                unused `json:"small_icon,omitempty"`
	Snapshots                unused `json:"snapshots,omitempty"`
	SSO                      unused `json:"sso,omitempty"`
	Statistics               unused `json:"statistics,omitempty"`
	StatusDetail             unused `json:"status_detail,omitempty"`
	StorageDomain            unused `json:"storage_domain,omitempty"`
	Tags                     unused `json:"tags,omitempty"`
	TPMEnabled               unused `json:"tpm_enabled,omitempty"`
	TunnelMigration          unused `json:"tunnel_migration,omitempty"`
	UseLatestTemplateVersion unused `json:"use_latest_template_version,omitempty"`
	VirtioSCSIMultiQueues    unused `json:"virtio_scsi_multi_queues,omitempty"`
	VirtioSCSIMultiQueuesOn  unused `json:"virtio_scsi_multi_queues_enabled,omitempty"`
	VMPool                   unused `json:"vm_pool,omitempty"`
	Watchdogs                unused `json:"watchdogs,omitempty"`
}

// Enabled is a device that is there or not.
type Enabled struct {
	Enabled *Bool  `json:"enabled,omitempty"`
	Type    unused `json:"type,omitempty"`
}

// BIOS is the firmware.
type BIOS struct {
	BootMenu unused `json:"boot_menu,omitempty"`
	Type     string `json:"type,omitempty"`
}

// CPU is the virtual CPU.
type CPU struct {
	Architecture string    `json:"architecture,omitempty"`
	CPUTune      unused    `json:"cpu_tune,omitempty"`
	Cores        unused    `json:"cores,omitempty"`
	Level        unused    `json:"level,omitempty"`
	Mode         string    `json:"mode,omitempty"`
	Name         unused    `json:"name,omitempty"`
	Speed        unused    `json:"speed,omitempty"`
	Topology     *Topology `json:"topology,omitempty"`
	Type         string    `json:"type,omitempty"`
}

// Topology is how many cores there are and where.
type Topology struct {
	Cores   *Int `json:"cores,omitempty"`
	Sockets *Int `json:"sockets,omitempty"`
	Threads *Int `json:"threads,omitempty"`
}

// CustomProperties is a list.
type CustomProperties struct {
	CustomProperty []CustomProperty `json:"custom_property,omitempty"`
}

// CustomProperty is a named value.
type CustomProperty struct {
	Name   string `json:"name,omitempty"`
	Regexp string `json:"regexp,omitempty"`
	Value  string `json:"value,omitempty"`
}

// Display is the graphics of a VM. Requests may set the type.
type Display struct {
	Address               unused `json:"address,omitempty"`
	AllowOverride         Bool   `json:"allow_override"`
	Certificate           unused `json:"certificate,omitempty"`
	CopyPasteEnabled      Bool   `json:"copy_paste_enabled"`
	DisconnectAction      string `json:"disconnect_action,omitempty"`
	DisconnectActionDelay Int    `json:"disconnect_action_delay"`
	FileTransferEnabled   Bool   `json:"file_transfer_enabled"`
	KeyboardLayout        unused `json:"keyboard_layout,omitempty"`
	Monitors              Int    `json:"monitors"`
	Port                  unused `json:"port,omitempty"`
	Proxy                 unused `json:"proxy,omitempty"`
	SecurePort            unused `json:"secure_port,omitempty"`
	SingleQXLPCI          unused `json:"single_qxl_pci,omitempty"`
	SmartcardEnabled      Bool   `json:"smartcard_enabled"`
	Type                  string `json:"type,omitempty"`
}

// HighAvailability says whether the engine restarts the VM elsewhere.
type HighAvailability struct {
	Enabled  *Bool `json:"enabled,omitempty"`
	Priority *Int  `json:"priority,omitempty"`
}

// IO is how many threads serve the disks.
type IO struct {
	Threads *Int `json:"threads,omitempty"`
}

// Lease is where the VM's lease is; an empty one in a request gives it up.
type Lease struct {
	StorageDomain *Ref `json:"storage_domain,omitempty"`
}

// MemoryPolicy is in bytes.
type MemoryPolicy struct {
	Ballooning           *Bool  `json:"ballooning,omitempty"`
	Guaranteed           *Int   `json:"guaranteed,omitempty"`
	Max                  *Int   `json:"max,omitempty"`
	OverCommit           unused `json:"over_commit,omitempty"`
	TransparentHugePages unused `json:"transparent_hugepages,omitempty"`
}

// Migration is how the VM moves between hosts.
type Migration struct {
	AutoConverge      string `json:"auto_converge,omitempty"`
	Bandwidth         unused `json:"bandwidth,omitempty"`
	Compressed        string `json:"compressed,omitempty"`
	CustomParallel    unused `json:"custom_parallel_migrations,omitempty"`
	Encrypted         string `json:"encrypted,omitempty"`
	ParallelMigration unused `json:"parallel_migrations_policy,omitempty"`
	Policy            unused `json:"policy,omitempty"`
}

// OS is the operating system's type and how it boots.
type OS struct {
	Boot                *Boot  `json:"boot,omitempty"`
	Cmdline             unused `json:"cmdline,omitempty"`
	CustomKernelCmdline unused `json:"custom_kernel_cmdline,omitempty"`
	Initrd              unused `json:"initrd,omitempty"`
	Kernel              unused `json:"kernel,omitempty"`
	ReportedCmdline     unused `json:"reported_kernel_cmdline,omitempty"`
	Type                string `json:"type,omitempty"`
	Version             unused `json:"version,omitempty"`
}

// Boot is the boot sequence.
type Boot struct {
	Devices *BootDevices `json:"devices,omitempty"`
}

// BootDevices is a list of hd, cdrom, network.
type BootDevices struct {
	Device []string `json:"device,omitempty"`
}

// PlacementPolicy says where the VM may run.
type PlacementPolicy struct {
	Affinity string    `json:"affinity,omitempty"`
	Hosts    *HostRefs `json:"hosts,omitempty"`
}

// HostRefs is a list of references.
type HostRefs struct {
	Host []Ref `json:"host,omitempty"`
}

// TimeZone is that of the VM's clock.
type TimeZone struct {
	Name      string `json:"name,omitempty"`
	UTCOffset string `json:"utc_offset,omitempty"`
}
