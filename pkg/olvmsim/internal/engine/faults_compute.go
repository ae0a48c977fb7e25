package engine

import (
	"fmt"
	"net/http"
	"strings"
)

// Messages about VMs and what is around them; "own words" as in faults.go.
const (
	msgVMNotDown        = "Cannot remove VM that its state is not down.\n-Please stop the VM first."
	msgPinned           = "Cannot migrate VM. VM is pinned to Host."
	msgSameHost         = "Cannot migrate VM. VM is already running on Host %s." // own words
	msgNotMigrating     = "Cannot cancel VM migration. VM is not migrating."     // own words
	msgSchedulingHost   = "The host %s did not satisfy internal filter %s because %s"
	detailMemory        = "its available memory is too low (%d MB) to run the VM."
	detailCores         = "it does not have enough cores to run the VM."                         // own words
	detailPinned        = "VM is not pinned to this host."                                       // own words
	detailVMsPositive   = "it did not match positive affinity rules of group %s."                // own words
	detailVMsNegative   = "it did not match negative affinity rules of group %s."                // own words
	detailHostsAffinity = "it did not match VM to host affinity rules of group %s."              // own words
	detailLabel         = "it does not have the affinity label %s that the VM has."              // own words
	msgHostNotInCluster = "Cannot %s VM. Host %s is not in the Cluster of the VM."               // own words
	msgNoPool           = "Cannot detach VM from VM-Pool. VM is not attached to it."             // own words
	msgNoCopyThere      = "Cannot add VM. The Template's disk has no copy on Storage Domain %s." // own words
	msgLeaseNoDomain    = "Cannot %s VM. Storage Domain doesn't exist."
	msgUnknownInstance  = "InstanceType"

	msgSnapshotLocked  = "Cannot %s Snapshot. The snapshot is locked. Please try again later." // own words
	msgSnapshotActive  = "Cannot %s Snapshot. The active snapshot cannot be changed."          // own words
	msgSnapshotPreview = "Cannot %s Snapshot. VM is previewing a Snapshot."                    // own words
	msgNoPreview       = "Cannot %s Snapshot. VM is not previewing a Snapshot."                // own words

	msgTagNameInUse    = "The specified Tag name already exists."
	msgTagRoot         = "Cannot %s Tag. The root tag is read-only." // own words
	msgTagNameEmpty    = "Cannot %s Tag. Name may not be empty."     // own words
	msgAffinityName    = "Cannot %s Affinity Group. Affinity Group name already exists."
	msgAffinityCluster = "Cannot %s Affinity Group. Provided %s resides in another Cluster."
	msgAffinityTwice   = "Cannot edit Affinity Group. Duplicate %s."
	msgAffinityNotIn   = "Cannot edit Affinity Group. Provided %s is invalid (does not exist)."
	msgAffinityNoVM    = "Cannot edit Affinity Group. VM doesn't exist."
	msgAffinityLocked  = "Cannot %s Affinity Group. Related operation is currently in progress. Please try again later."
	msgLabelName       = "Cannot %s Affinity Label. Affinity Label name already exists." // own words

	msgConsoleRunning = "Cannot %s graphics console. VM is running."                                  // own words
	msgConsoleExists  = "Cannot add graphics console. There is one of this type already."             // own words
	msgNICMAC         = "Cannot %s Interface. %q is not a valid MAC address."                         // own words
	msgNICEditActive  = "Cannot edit Interface. The VM Network Interface is plugged to a running VM." // own words
	msgNICActivate    = "Cannot %s a Network Interface when VM is not Down, Up or Image-Locked."
)

// noHost says why no host takes the VM.
func noHost(verb string, details []string) error {
	messages := append([]string{fmt.Sprintf(msgNoHost, verb)}, details...)
	return refuse(http.StatusConflict, "%s", strings.Join(messages, ", "))
}
