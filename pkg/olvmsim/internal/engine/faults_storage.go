package engine

// Messages about storage, disks, templates and transfers; "own words" as in faults.go. The first verb is the command's.
const (
	msgDiskLocked       = "Cannot %s Virtual Disk. Related operation is currently in progress. Please try again later."
	msgDiskTransferred  = "Cannot %s Virtual Disk. Disk %s is being transferred."
	msgTransferLocked   = "Cannot transfer Virtual Disk: Disk is locked. Please try again later."
	msgTransferIllegal  = "Cannot transfer Virtual Disk: The following disks are illegal: %s."             // own words
	msgTransferPlugged  = "Cannot transfer Virtual Disk. Disk %s is plugged to a VM that is not down: %s." // own words
	msgTransferHost     = "Cannot transfer Virtual Disk. Host %s is not up."                               // own words
	msgTransferNotPause = "Cannot resume image transfer as it's not in a paused state."                    //
	msgPauseDownload    = "Cannot pause image download"                                                    //
	msgTransferState    = "Cannot %s image transfer in phase %s."                                          // own words
	msgDiskConfig       = "Cannot %s Virtual Disk. Disk configuration (%s %s backup-%s) is incompatible with the storage domain type."
	msgDomainInactive   = "Cannot %s. The relevant Storage Domain's status is %s."                             // own words
	msgDiskIDExists     = "Cannot add Virtual Disk. Disk with the given Id already exists."                    // own words
	msgDiskSize         = "Cannot %s Virtual Disk. The disk's size must be greater than 0."                    // own words
	msgDiskShrink       = "Cannot edit Virtual Disk. New disk size must be larger than the current disk size." // own words
	msgDiskShareable    = "Cannot %s Virtual Disk. Disk's volume format is not supported for shareable disk."  // own words
	msgQuota            = "Cannot %s. Quota has insufficient storage resources."                               // own words
	msgQuotaUnknown     = "Cannot %s. Quota doesn't exist."
	msgDisksIllegal     = "Cannot %s: The following disks are illegal: %s." // own words
	msgDiskRunning      = "Cannot %s Virtual Disk. At least one of the VMs is not down."
	msgDiskSameDomain   = "Cannot %s Virtual Disk. The disk is on Storage Domain %s already."        // own words
	msgDiskNoDomain     = "Cannot %s Virtual Disk. Storage Domain doesn't exist."                    // own words
	msgDiskOfTemplate   = "Cannot %s Virtual Disk. The disk belongs to a Template."                  // own words
	msgDiskNotThin      = "Cannot %s Virtual Disk. The disk is preallocated."                        // own words
	msgDiskNotBlock     = "Cannot reduce Virtual Disk. The disk is not a thin one on block storage." // own words
	msgDiskNoLUN        = "Cannot refresh Virtual Disk. The disk is not a LUN."                      // own words
	msgLastCopy         = "Cannot remove Virtual Disk. It is the last copy of a Template's disk."    // own words
	msgDiskVMLocked     = "Cannot %s Virtual Disk because the VM is in %s status."

	msgTemplateNameInUse   = "Cannot %s Template. Template name %s already used."
	msgTemplateName        = "Cannot %s Template. The given name is empty, too long or contains special characters." // own words
	msgTemplateVMNotDown   = "Cannot add Template. The VM must be down in order to create a Template from it."       // own words
	msgTemplateVMLocked    = "Cannot add Template: VM is locked. Please try again in a few minutes."
	msgTemplateVersions    = "Cannot remove Template. It is the base of the Template Versions: %s." // own words
	msgTemplateProtected   = "Cannot remove Template. Delete protection is enabled. In order to delete, disable Delete protection first."
	msgTemplateDiskForeign = "Cannot add Template. Disk %s is not attached to the VM." // own words
)
