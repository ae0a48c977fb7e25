package rest

// Template is what VMs are made from. In a request, VM is what it is made from.
type Template struct {
	Actions                     *Links            `json:"actions,omitempty"`
	BIOS                        *BIOS             `json:"bios,omitempty"`
	Cluster                     *Ref              `json:"cluster,omitempty"`
	Comment                     *string           `json:"comment,omitempty"`
	CPU                         *CPU              `json:"cpu,omitempty"`
	CPUShares                   *Int              `json:"cpu_shares,omitempty"`
	CreationTime                *Millis           `json:"creation_time,omitempty"`
	CustomCPUModel              *string           `json:"custom_cpu_model,omitempty"`
	CustomEmulatedMachine       *string           `json:"custom_emulated_machine,omitempty"`
	CustomProperties            *CustomProperties `json:"custom_properties,omitempty"`
	DeleteProtected             *Bool             `json:"delete_protected,omitempty"`
	Description                 *string           `json:"description,omitempty"`
	Display                     *Display          `json:"display,omitempty"`
	HighAvailability            *HighAvailability `json:"high_availability,omitempty"`
	Href                        string            `json:"href,omitempty"`
	ID                          string            `json:"id,omitempty"`
	IO                          *IO               `json:"io,omitempty"`
	Link                        []Link            `json:"link,omitempty"`
	Memory                      *Int              `json:"memory,omitempty"`
	MemoryPolicy                *MemoryPolicy     `json:"memory_policy,omitempty"`
	Migration                   *Migration        `json:"migration,omitempty"`
	MigrationDowntime           *Int              `json:"migration_downtime,omitempty"`
	MultiQueuesEnabled          *Bool             `json:"multi_queues_enabled,omitempty"`
	Name                        *string           `json:"name,omitempty"`
	Origin                      *string           `json:"origin,omitempty"`
	OS                          *OS               `json:"os,omitempty"`
	PlacementPolicy             *PlacementPolicy  `json:"placement_policy,omitempty"`
	StartPaused                 *Bool             `json:"start_paused,omitempty"`
	Stateless                   *Bool             `json:"stateless,omitempty"`
	Status                      string            `json:"status,omitempty"`
	StorageErrorResumeBehaviour *string           `json:"storage_error_resume_behaviour,omitempty"`
	TimeZone                    *TimeZone         `json:"time_zone,omitempty"`
	Type                        *string           `json:"type,omitempty"`
	USB                         *Enabled          `json:"usb,omitempty"`
	Version                     *TemplateVersion  `json:"version,omitempty"`
	VM                          *VM               `json:"vm,omitempty"`
	unusedTemplate
}

// unusedTemplate is what the model has and the simulator takes without effect.
type unusedTemplate struct {
	AutoPinningPolicy          unused `json:"auto_pinning_policy,omitempty"`
	CDROMs                     unused `json:"cdroms,omitempty"`
	Console                    unused `json:"console,omitempty"`
	CPUPinningPolicy           unused `json:"cpu_pinning_policy,omitempty"`
	CPUProfile                 unused `json:"cpu_profile,omitempty"`
	CustomCompatibilityVersion unused `json:"custom_compatibility_version,omitempty"`
	DiskAttachments            unused `json:"disk_attachments,omitempty"`
	Domain                     unused `json:"domain,omitempty"`
	GraphicsConsoles           unused `json:"graphics_consoles,omitempty"`
	Initialization             unused `json:"initialization,omitempty"`
	LargeIcon                  unused `json:"large_icon,omitempty"`
	Lease                      unused `json:"lease,omitempty"`
	MediatedDevices            unused `json:"mediated_devices,omitempty"`
	NICs                       unused `json:"nics,omitempty"`
	Permissions                unused `json:"permissions,omitempty"`
	Quota                      unused `json:"quota,omitempty"`
	RNGDevice                  unused `json:"rng_device,omitempty"`
	SerialNumber               unused `json:"serial_number,omitempty"`
	SmallIcon                  unused `json:"small_icon,omitempty"`
	SoundcardEnabled           unused `json:"soundcard_enabled,omitempty"`
	SSO                        unused `json:"sso,omitempty"`
	StorageDomain              unused `json:"storage_domain,omitempty"`
	Tags                       unused `json:"tags,omitempty"`
	TPMEnabled                 unused `json:"tpm_enabled,omitempty"`
	TunnelMigration            unused `json:"tunnel_migration,omitempty"`
	VirtioSCSI                 unused `json:"virtio_scsi,omitempty"`
	VirtioSCSIMultiQueues      unused `json:"virtio_scsi_multi_queues,omitempty"`
	VirtioSCSIMultiQueuesOn    unused `json:"virtio_scsi_multi_queues_enabled,omitempty"`
	Watchdogs                  unused `json:"watchdogs,omitempty"`
}

// TemplateVersion tells the versions of a template apart.
type TemplateVersion struct {
	BaseTemplate  *Ref    `json:"base_template,omitempty"`
	VersionName   *string `json:"version_name,omitempty"`
	VersionNumber *Int    `json:"version_number,omitempty"`
}
