package v1

import "cmp"

// AntiAffinity says how a VM keeps away from the hosts of its siblings: the machines of the same control plane, or of the same
// MachineDeployment.
//
// +kubebuilder:validation:Enum="";soft;hard;none
type AntiAffinity string

// The kinds of anti-affinity: an affinity group of the engine that is enforcing, or is not, or no group at all.
const (
	// SoftAntiAffinity: the engine puts siblings on different hosts as long as it can.
	SoftAntiAffinity AntiAffinity = "soft"
	// HardAntiAffinity: a VM waits until there is a host without a sibling.
	HardAntiAffinity AntiAffinity = "hard"
	// NoAntiAffinity: the engine puts the VM where it likes.
	NoAntiAffinity AntiAffinity = "none"
)

// Placement says which hosts a VM may run on.
type Placement struct {
	// antiAffinity keeps the VM away from the hosts of its siblings, the machines of the same control plane or MachineDeployment: soft (the
	// default) as long as there are hosts, hard always, none not at all.
	// +optional
	AntiAffinity AntiAffinity `json:"antiAffinity,omitempty"`

	// hosts are the names of the engine's hosts that the VM may run on; any host of the engine's cluster when empty.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=255
	Hosts []string `json:"hosts,omitempty"`

	// affinityLabels are the names of affinity labels of the engine; the VM runs on hosts that have the same labels. They have to exist.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=50
	AffinityLabels []string `json:"affinityLabels,omitempty"`
}

// Kind is the anti-affinity, the default included.
func (p Placement) Kind() AntiAffinity { return cmp.Or(p.AntiAffinity, SoftAntiAffinity) }

// FailureDomain is a part of the data center that machines may be spread over. What it does not name is as the machine has it.
type FailureDomain struct {
	// name that Machine.spec.failureDomain and MachineDeployments use.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Name string `json:"name"`

	// olvmOvirtClusterName is the engine's (host) cluster of the machines in this domain.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	OLVMOvirtClusterName string `json:"olvmOvirtClusterName"`

	// storageDomainName is where the disks of the machines in this domain go, unless a data disk names its own.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	StorageDomainName string `json:"storageDomainName,omitempty"`

	// vnicProfileName is the vNIC profile, of the machine's network, of the first NIC.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	VNICProfileName string `json:"vnicProfileName,omitempty"`

	// controlPlane says whether control plane nodes may be in this domain; true when it is not set.
	// +optional
	ControlPlane *bool `json:"controlPlane,omitempty"`
}
