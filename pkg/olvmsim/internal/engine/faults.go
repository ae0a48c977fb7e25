package engine

import (
	"fmt"
	"net/http"
)

// Fault is a refusal as the engine words it.
type Fault struct {
	// Status is the HTTP status that the engine gives this kind of refusal.
	Status int
	// Reason and Detail are the two texts of the representation. Both empty: the reply has no body at all, which is
	// how the engine says that the addressed entity does not exist.
	Reason, Detail string
}

func (f *Fault) Error() string {
	if f.Reason == "" {
		return http.StatusText(f.Status)
	}
	return f.Reason + ": " + f.Detail
}

// Reasons of a Fault.
const (
	reasonFailed     = "Operation Failed"
	reasonIncomplete = "Incomplete parameters"
	reasonMalformed  = "Operation failed" // sic: a malformed id has another spelling than a refused command
)

// The engine's messages, from its resource bundle (AppErrors) unless the line says "own words": those refusals are the
// engine's, their wording is not known. The first verb of most is the command's name.
const (
	msgNameLocked     = "Cannot %s VM. Related operation is currently in progress. Please try again later."
	msgNameInUse      = "Cannot %s VM. The VM name is already in use, please choose a unique name and try again."
	msgIDExists       = "Cannot %s VM. VM with the given Id already exists in the system."
	msgNameTooLong    = "Cannot %s VM. The given name is too long."
	msgNameCharacters = "Can not %s VM. The given name contains special characters. " +
		"Only lower-case and upper-case letters, numbers, '_', '-', '.' are allowed."
	msgNameEmpty       = "Cannot %s VM. Name may not be empty." // own words
	msgGuaranteed      = "Cannot %s VM. Physical Memory Guaranteed cannot exceed Memory Size."
	msgMaxMemory       = "Cannot %s VM. Memory size (%dMB) cannot exceed maximum memory size (%dMB)."
	msgMemoryAlignment = "Cannot %s VM. Memory size must be a multiple of 1 MiB."                               // own words
	msgCPUMinimum      = "Cannot %s VM. CPU topology: sockets, cores and threads must be at least 1."           // own words
	msgTemplateDC      = "Cannot %s VM. The Template doesn't exist in the Data Center of the selected Cluster." // own words

	msgVMLocked       = "Cannot %s VM: VM is locked. Please try again in a few minutes."
	msgVMRunning      = "Cannot %s VM. VM is running."
	msgVMNotRunning   = "Cannot %s VM. VM is not running."
	msgVMStatus       = "Cannot %s because the VM is in %s status."
	msgNoBootableDisk = "Cannot run VM without at least one bootable disk.\nAlternatives:\n" +
		"- Create a disk for this VM, and rerun the VM.\n" +
		"- Change the boot sequence using the Edit VM command (Boot Option Sub-Tab).\n" +
		"- Use the Run-Once command to select a different boot option and rerun the VM."
	msgNoHost              = "Cannot %s VM. There is no host that satisfies current scheduling constraints. See below for details:"
	msgInternal            = "Internal Engine Error"
	msgDeleteProtected     = "Cannot remove VM. Delete protection is enabled. In order to delete, disable Delete protection first."
	msgDetachBasedTemplate = "Cannot remove VM with detaching disks, VM is based from template."

	msgDisksLocked         = "Cannot %s: The following disks are locked: %s. Please try again in a few minutes."
	msgDiskAttached        = "Cannot attach Virtual Disk. The disk is not shareable and is already attached to a VM."
	msgDiskAlreadyHere     = "Cannot attach Virtual Disk. Disk is already attached to the VM." // own words
	msgBootDiskExists      = "Cannot %s Virtual Disk. Disk %s in VM %s is already marked as boot."
	msgTemplateDisk        = "Cannot remove Virtual Disk. A storage domain must be specified when deleting one of a template's disk's copies."
	msgDiskNoStorageDomain = "Cannot add Virtual Disk. Storage Domain doesn't exist." // own words
	msgLowDiskSpace        = "Cannot %s. Low disk space on Storage Domain %s."

	msgTemplateInUse      = "Cannot delete Template. Template is being used by the following VMs: %s."
	msgTemplateUsedCreate = "Cannot remove Template. This template is currently in use to create VM %s."
	msgTemplateLocked     = "Cannot %s. Related operation is currently in progress. Please try again later."
	msgTemplateIllegal    = "Template's Image is invalid (temporarily)."
	msgBlankTemplate      = "Cannot remove Template. Removing Blank Template is not allowed."

	msgNICNameInUse    = "Network interface name is already in use"
	msgNICNameEmpty    = "Cannot %s Interface. Name may not be empty." // own words
	msgNICMACInUse     = "MAC Address %s is already in use by VM or snapshot: %s."
	msgNICProfile      = "Cannot %s Interface. The specified VM network interface profile doesn't exist."
	msgNICAddStatus    = "Cannot %s a Network Interface when VM is not Down, Up or Image-Locked."
	msgNICRemoveActive = "Cannot remove Interface. The VM Network Interface is plugged to a running VM." // own words

	msgNotAuthorized  = "User is not authorized to perform this action."
	msgEntityNotFound = "Entity not found: %s: %s"
	msgRequired       = "%s %v required for %s"
)

// refuse is a refusal of a command; the detail is a printed Java list, hence the brackets.
func refuse(status int, format string, args ...any) error {
	return &Fault{Status: status, Reason: reasonFailed, Detail: "[" + fmt.Sprintf(format, args...) + "]"}
}

func conflict(format string, args ...any) error { return refuse(http.StatusConflict, format, args...) }
func invalid(format string, args ...any) error  { return refuse(http.StatusBadRequest, format, args...) }

// noEntity says that the addressed object itself does not exist.
func noEntity() error { return &Fault{Status: http.StatusNotFound} }

// noReferenced says that an object that a request names does not exist.
func noReferenced(kind string, ref Ref) error {
	what := "name=" + ref.Name
	if ref.ID != "" {
		what = "id=" + ref.ID
	}
	return &Fault{Status: http.StatusNotFound, Reason: reasonFailed, Detail: fmt.Sprintf(msgEntityNotFound, kind, what)}
}

// MalformedID is the engine's answer to an id that is not a UUID.
func MalformedID(id string) error {
	return &Fault{Status: http.StatusBadRequest, Reason: reasonMalformed, Detail: "Invalid UUID string: " + id}
}

// Incomplete says which mandatory properties a request lacks.
func Incomplete(kind, command string, missing []string) error {
	return &Fault{Status: http.StatusBadRequest, Reason: reasonIncomplete, Detail: fmt.Sprintf(msgRequired, kind, missing, command)}
}
