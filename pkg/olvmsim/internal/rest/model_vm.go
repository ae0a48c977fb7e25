package rest

import "encoding/json"

// VM is a virtual machine. Pointers distinguish "not said" from "empty" in requests.
type VM struct {
	Actions          *Links            `json:"actions,omitempty"`
	BIOS             *BIOS             `json:"bios,omitempty"`
	Cluster          *Ref              `json:"cluster,omitempty"`
	Comment          *string           `json:"comment,omitempty"`
	CPU              *CPU              `json:"cpu,omitempty"`
	CreationTime     *int64            `json:"creation_time,omitempty"`
	DeleteProtected  *Bool             `json:"delete_protected,omitempty"`
	Description      *string           `json:"description,omitempty"`
	DiskAttachments  *DiskAttachments  `json:"disk_attachments,omitempty"`
	Display          *Display          `json:"display,omitempty"`
	FQDN             *string           `json:"fqdn,omitempty"`
	HighAvailability *HighAvailability `json:"high_availability,omitempty"`
	Host             *Ref              `json:"host,omitempty"`
	Href             string            `json:"href,omitempty"`
	ID               string            `json:"id,omitempty"`
	Initialization   *Initialization   `json:"initialization,omitempty"`
	Link             []Link            `json:"link,omitempty"`
	Memory           *Int              `json:"memory,omitempty"`
	MemoryPolicy     *MemoryPolicy     `json:"memory_policy,omitempty"`
	Name             *string           `json:"name,omitempty"`
	Origin           *string           `json:"origin,omitempty"`
	OriginalTemplate *Ref              `json:"original_template,omitempty"`
	OS               *OS               `json:"os,omitempty"`
	PlacementPolicy  *PlacementPolicy  `json:"placement_policy,omitempty"`
	StartTime        *int64            `json:"start_time,omitempty"`
	Stateless        *Bool             `json:"stateless,omitempty"`
	Status           string            `json:"status,omitempty"`
	StopReason       *string           `json:"stop_reason,omitempty"`
	StopTime         *int64            `json:"stop_time,omitempty"`
	Template         *Ref              `json:"template,omitempty"`
	Type             *string           `json:"type,omitempty"`
	unusedVM
}

// unusedVM is the rest of the engine's Vm.
type unusedVM struct {
	AffinityLabels              unused `json:"affinity_labels,omitempty"`
	Applications                unused `json:"applications,omitempty"`
	AutoPinningPolicy           unused `json:"auto_pinning_policy,omitempty"`
	CDROMs                      unused `json:"cdroms,omitempty"`
	Console                     unused `json:"console,omitempty"`
	CPUPinningPolicy            unused `json:"cpu_pinning_policy,omitempty"`
	CPUProfile                  unused `json:"cpu_profile,omitempty"`
	CPUShares                   unused `json:"cpu_shares,omitempty"`
	CustomCompatibilityVersion  unused `json:"custom_compatibility_version,omitempty"`
	CustomCPUModel              unused `json:"custom_cpu_model,omitempty"`
	CustomEmulatedMachine       unused `json:"custom_emulated_machine,omitempty"`
	CustomProperties            unused `json:"custom_properties,omitempty"`
	Domain                      unused `json:"domain,omitempty"`
	DynamicCPU                  unused `json:"dynamic_cpu,omitempty"`
	ExternalHostProvider        unused `json:"external_host_provider,omitempty"`
	Floppies                    unused `json:"floppies,omitempty"`
	GraphicsConsoles            unused `json:"graphics_consoles,omitempty"`
	GuestOperatingSystem        unused `json:"guest_operating_system,omitempty"`
	GuestTimeZone               unused `json:"guest_time_zone,omitempty"`
	HasIllegalImages            unused `json:"has_illegal_images,omitempty"`
	HostDevices                 unused `json:"host_devices,omitempty"`
	InstanceType                unused `json:"instance_type,omitempty"`
	IO                          unused `json:"io,omitempty"`
	KatelloErrata               unused `json:"katello_errata,omitempty"`
	LargeIcon                   unused `json:"large_icon,omitempty"`
	Lease                       unused `json:"lease,omitempty"`
	MediatedDevices             unused `json:"mediated_devices,omitempty"`
	Migration                   unused `json:"migration,omitempty"`
	MigrationDowntime           unused `json:"migration_downtime,omitempty"`
	MultiQueuesEnabled          unused `json:"multi_queues_enabled,omitempty"`
	NextRunConfigurationExists  unused `json:"next_run_configuration_exists,omitempty"`
	NICs                        unused `json:"nics,omitempty"`
	NUMANodes                   unused `json:"numa_nodes,omitempty"`
	NUMATuneMode                unused `json:"numa_tune_mode,omitempty"`
	Payloads                    unused `json:"payloads,omitempty"`
	Permissions                 unused `json:"permissions,omitempty"`
	Quota                       unused `json:"quota,omitempty"`
	ReportedDevices             unused `json:"reported_devices,omitempty"`
	RNGDevice                   unused `json:"rng_device,omitempty"`
	RunOnce                     unused `json:"run_once,omitempty"`
	SerialNumber                unused `json:"serial_number,omitempty"`
	Sessions                    unused `json:"sessions,omitempty"`
	SmallIcon                   unused `json:"small_icon,omitempty"`
	Snapshots                   unused `json:"snapshots,omitempty"`
	SoundcardEnabled            unused `json:"soundcard_enabled,omitempty"`
	SSO                         unused `json:"sso,omitempty"`
	StartPaused                 unused `json:"start_paused,omitempty"`
	Statistics                  unused `json:"statistics,omitempty"`
	StatusDetail                unused `json:"status_detail,omitempty"`
	StorageDomain               unused `json:"storage_domain,omitempty"`
	StorageErrorResumeBehaviour unused `json:"storage_error_resume_behaviour,omitempty"`
	Tags                        unused `json:"tags,omitempty"`
	TimeZone                    unused `json:"time_zone,omitempty"`
	TPMEnabled                  unused `json:"tpm_enabled,omitempty"`
	TunnelMigration             unused `json:"tunnel_migration,omitempty"`
	USB                         unused `json:"usb,omitempty"`
	UseLatestTemplateVersion    unused `json:"use_latest_template_version,omitempty"`
	VirtioSCSI                  unused `json:"virtio_scsi,omitempty"`
	VirtioSCSIMultiQueues       unused `json:"virtio_scsi_multi_queues,omitempty"`
	VirtioSCSIMultiQueuesOn     unused `json:"virtio_scsi_multi_queues_enabled,omitempty"`
	VMPool                      unused `json:"vm_pool,omitempty"`
	Watchdogs                   unused `json:"watchdogs,omitempty"`
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

// Display is the graphics of a VM; requests may set it without effect.
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

// Initialization is what the config drive holds.
type Initialization struct {
	ActiveDirectoryOU        unused          `json:"active_directory_ou,omitempty"`
	AuthorizedSSHKeys        *string         `json:"authorized_ssh_keys,omitempty"`
	CloudInit                unused          `json:"cloud_init,omitempty"`
	CloudInitNetworkProtocol *string         `json:"cloud_init_network_protocol,omitempty"`
	Configuration            unused          `json:"configuration,omitempty"`
	CustomScript             *string         `json:"custom_script,omitempty"`
	DNSSearch                *string         `json:"dns_search,omitempty"`
	DNSServers               *string         `json:"dns_servers,omitempty"`
	Domain                   unused          `json:"domain,omitempty"`
	HostName                 *string         `json:"host_name,omitempty"`
	InputLocale              unused          `json:"input_locale,omitempty"`
	NICConfigurations        json.RawMessage `json:"nic_configurations,omitempty"`
	OrgName                  unused          `json:"org_name,omitempty"`
	RegenerateIDs            unused          `json:"regenerate_ids,omitempty"`
	RegenerateSSHKeys        *Bool           `json:"regenerate_ssh_keys,omitempty"`
	RootPassword             *string         `json:"root_password,omitempty"`
	SystemLocale             unused          `json:"system_locale,omitempty"`
	Timezone                 *string         `json:"timezone,omitempty"`
	UILanguage               unused          `json:"ui_language,omitempty"`
	UserLocale               unused          `json:"user_locale,omitempty"`
	UserName                 *string         `json:"user_name,omitempty"`
	WindowsLicenseKey        unused          `json:"windows_license_key,omitempty"`
}

// MemoryPolicy is in bytes.
type MemoryPolicy struct {
	Ballooning           *Bool  `json:"ballooning,omitempty"`
	Guaranteed           *Int   `json:"guaranteed,omitempty"`
	Max                  *Int   `json:"max,omitempty"`
	OverCommit           unused `json:"over_commit,omitempty"`
	TransparentHugePages unused `json:"transparent_hugepages,omitempty"`
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
	Affinity string `json:"affinity,omitempty"`
	Hosts    unused `json:"hosts,omitempty"`
}
