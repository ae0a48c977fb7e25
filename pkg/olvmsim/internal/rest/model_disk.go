package rest

// Disk is a disk image; sizes are bytes.
type Disk struct {
	Actions         *Links          `json:"actions,omitempty"`
	ActualSize      *Int            `json:"actual_size,omitempty"`
	Alias           *string         `json:"alias,omitempty"`
	Backup          string          `json:"backup,omitempty"`
	ContentType     string          `json:"content_type,omitempty"`
	Description     *string         `json:"description,omitempty"`
	DiskProfile     *Ref            `json:"disk_profile,omitempty"`
	Format          string          `json:"format,omitempty"`
	Href            string          `json:"href,omitempty"`
	ID              string          `json:"id,omitempty"`
	ImageID         string          `json:"image_id,omitempty"`
	InitialSize     *Int            `json:"initial_size,omitempty"`
	Link            []Link          `json:"link,omitempty"`
	Name            *string         `json:"name,omitempty"`
	PropagateErrors *Bool           `json:"propagate_errors,omitempty"`
	ProvisionedSize *Int            `json:"provisioned_size,omitempty"`
	QcowVersion     string          `json:"qcow_version,omitempty"`
	Quota           *Ref            `json:"quota,omitempty"`
	Shareable       *Bool           `json:"shareable,omitempty"`
	Sparse          *Bool           `json:"sparse,omitempty"`
	Status          string          `json:"status,omitempty"`
	StorageDomain   *Ref            `json:"storage_domain,omitempty"`
	StorageDomains  *StorageDomains `json:"storage_domains,omitempty"`
	StorageType     string          `json:"storage_type,omitempty"`
	TotalSize       *Int            `json:"total_size,omitempty"`
	WipeAfterDelete *Bool           `json:"wipe_after_delete,omitempty"`

	Active              unused `json:"active,omitempty"`
	BackupMode          unused `json:"backup_mode,omitempty"`
	Bootable            unused `json:"bootable,omitempty"`
	Comment             unused `json:"comment,omitempty"`
	ExternalDisk        unused `json:"external_disk,omitempty"`
	InstanceType        unused `json:"instance_type,omitempty"`
	Interface           unused `json:"interface,omitempty"`
	LogicalName         unused `json:"logical_name,omitempty"`
	LUNStorage          unused `json:"lun_storage,omitempty"`
	OpenStackVolumeType unused `json:"openstack_volume_type,omitempty"`
	Permissions         unused `json:"permissions,omitempty"`
	ReadOnly            unused `json:"read_only,omitempty"`
	SGIO                unused `json:"sgio,omitempty"`
	Snapshot            unused `json:"snapshot,omitempty"`
	Statistics          unused `json:"statistics,omitempty"`
	Template            unused `json:"template,omitempty"`
	UsesSCSIReservation unused `json:"uses_scsi_reservation,omitempty"`
	VM                  unused `json:"vm,omitempty"`
	VMs                 unused `json:"vms,omitempty"`
}

// StorageDomains is a list of references.
type StorageDomains struct {
	StorageDomain []Ref `json:"storage_domain,omitempty"`
}

// DiskAttachments is a list.
type DiskAttachments struct {
	DiskAttachment []DiskAttachment `json:"disk_attachment,omitempty"`
}

// DiskAttachment is a disk in a VM or template; its id is the disk's.
type DiskAttachment struct {
	Active              *Bool  `json:"active,omitempty"`
	Bootable            *Bool  `json:"bootable,omitempty"`
	Disk                *Disk  `json:"disk,omitempty"`
	Href                string `json:"href,omitempty"`
	ID                  string `json:"id,omitempty"`
	Interface           string `json:"interface,omitempty"`
	PassDiscard         *Bool  `json:"pass_discard,omitempty"`
	ReadOnly            *Bool  `json:"read_only,omitempty"`
	Template            *Ref   `json:"template,omitempty"`
	UsesSCSIReservation *Bool  `json:"uses_scsi_reservation,omitempty"`
	VM                  *Ref   `json:"vm,omitempty"`

	Actions     unused `json:"actions,omitempty"`
	Comment     unused `json:"comment,omitempty"`
	Description unused `json:"description,omitempty"`
	Link        unused `json:"link,omitempty"`
	LogicalName unused `json:"logical_name,omitempty"`
	Name        unused `json:"name,omitempty"`
}
