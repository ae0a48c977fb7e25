package v1

import (
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// OLVMMachineStatus is the observed state of a machine.
type OLVMMachineStatus struct {
	// initialization follows the Cluster API contract.
	// +optional
	Initialization Initialization `json:"initialization,omitempty,omitzero"`

	// conditions of the machine; Ready sums them up.
	// +optional
	Conditions Conditions `json:"conditions,omitempty"`

	// addresses of the machine.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	Addresses []clusterv1.MachineAddress `json:"addresses,omitempty"`

	// failureDomain that the VM was made in; empty when the Machine names none, or the OLVMCluster has none.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	FailureDomain string `json:"failureDomain,omitempty"`

	// olvm is what the engine holds for this machine.
	// +optional
	OLVM *EngineStatus `json:"olvm,omitempty"`
}

// EngineStatus is what the engine holds for a machine.
type EngineStatus struct {
	// clusterID of the engine's (host) cluster.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// clusterName of the engine's (host) cluster.
	// +optional
	ClusterName string `json:"clusterName,omitempty"`

	// vmTemplateID of the template.
	// +optional
	VMTemplateID string `json:"vmTemplateID,omitempty"`

	// vmTemplateName of the template.
	// +optional
	VMTemplateName string `json:"vmTemplateName,omitempty"`

	// networkID of the logical network.
	// +optional
	NetworkID string `json:"networkID,omitempty"`

	// networkName of the logical network.
	// +optional
	NetworkName string `json:"networkName,omitempty"`

	// vnicProfileID of the vNIC profile.
	// +optional
	VNICProfileID string `json:"vnicProfileID,omitempty"`

	// vnicProfileName of the vNIC profile.
	// +optional
	VNICProfileName string `json:"vnicProfileName,omitempty"`

	// affinityGroupName is the engine's affinity group that keeps the VM away from the hosts of its siblings.
	// +optional
	AffinityGroupName string `json:"affinityGroupName,omitempty"`

	// ipAddress is the IPv4 address of this machine.
	// +optional
	IPAddress string `json:"ipAddress,omitempty"`

	// ipv6Address is the IPv6 address of this machine, unless it configures itself.
	// +optional
	IPv6Address string `json:"ipv6Address,omitempty"`

	// additionalNICs are those of the spec, with the addresses that the machine has there. They are no addresses of the node, and not among
	// status.addresses.
	// +optional
	// +listType=map
	// +listMapKey=vnicName
	AdditionalNICs []NICStatus `json:"additionalNICs,omitempty"`

	// virtualMachine is the VM.
	// +optional
	VirtualMachine VirtualMachineStatus `json:"virtualMachine,omitempty,omitzero"`
}

// NICStatus is what the engine holds for an additional NIC.
type NICStatus struct {
	// vnicName is the NIC's name in the engine.
	// +required
	VNICName string `json:"vnicName"`

	// networkID of the logical network.
	// +optional
	NetworkID string `json:"networkID,omitempty"`

	// networkName of the logical network.
	// +optional
	NetworkName string `json:"networkName,omitempty"`

	// ipAddresses of the machine on this network, without an IPv6 address that configures itself.
	// +optional
	// +listType=atomic
	IPAddresses []string `json:"ipAddresses,omitempty"`
}

// VirtualMachineStatus is the VM as the engine last reported it.
type VirtualMachineStatus struct {
	// vmID is the engine's id, the SMBIOS UUID and the node's system UUID.
	// +optional
	VMID string `json:"vmID,omitempty"`

	// vmName is the VM's name.
	// +optional
	VMName string `json:"vmName,omitempty"`

	// status is the engine's VM status, such as up or down.
	// +optional
	Status string `json:"status,omitempty"`

	// hostID of the engine's host that the VM runs on; empty while it does not run, and for an account that is no administrator.
	// +optional
	HostID string `json:"hostID,omitempty"`

	// hostName of that host; empty where it could not be read.
	// +optional
	HostName string `json:"hostName,omitempty"`

	// seenBy is the user whom the engine showed the VM last. Another user without an administrator's role may not see it.
	// +optional
	SeenBy string `json:"seenBy,omitempty"`

	// initializationCleared says that the boot document, which holds keys, was removed from the engine after the node joined.
	// +optional
	InitializationCleared bool `json:"initializationCleared,omitempty"`
}
