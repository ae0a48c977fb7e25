package v1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MachineFinalizer keeps an OLVMMachine until the engine holds nothing of it.
const MachineFinalizer = "olvmmachine.infrastructure.cluster.x-k8s.io"

// CreateSubmittedAnnotation is written before a VM's creation is asked of the engine for the first time; its value is the
// time of the last request (RFC 3339). A VM that is not found later may then still be on its way.
const CreateSubmittedAnnotation = "olvmmachine.infrastructure.cluster.x-k8s.io/create-submitted"

// OLVMMachineSpec is the desired state of a machine.
//
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.providerID) || size(oldSelf.providerID) == 0 || (has(self.providerID) && self.providerID == oldSelf.providerID)",message="providerID cannot change once it is set"
// +kubebuilder:validation:XValidation:rule="(has(self.vmTemplateName) && size(self.vmTemplateName) > 0) != (has(self.vmTemplateID) && size(self.vmTemplateID) > 0)",message="set either vmTemplateName or vmTemplateID"
// +kubebuilder:validation:XValidation:rule="!has(self.vmTemplateVersion) || size(self.vmTemplateVersion) == 0 || (has(self.vmTemplateName) && size(self.vmTemplateName) > 0)",message="vmTemplateVersion needs vmTemplateName: an id names one version"
// +kubebuilder:validation:XValidation:rule="!has(self.virtualMachine.additionalNICs) || self.virtualMachine.additionalNICs.all(n, n.vnicName != (has(self.olvmNetwork.vnicName) && size(self.olvmNetwork.vnicName) > 0 ? self.olvmNetwork.vnicName : 'nic1'))",message="an additional NIC must not have the first NIC's vnicName, which is nic1 unless olvmNetwork.vnicName says otherwise"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.providerID) || size(oldSelf.providerID) == 0 || (has(self.virtualMachine.dataDisks) ? self.virtualMachine.dataDisks.map(d, d.name) : []) == (has(oldSelf.virtualMachine.dataDisks) ? oldSelf.virtualMachine.dataDisks.map(d, d.name) : [])",message="the names of dataDisks cannot change once providerID is set: the disks are found by them"
type OLVMMachineSpec struct {
	// providerID is olvm://<VM id>. The controller chooses it before the VM exists.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	ProviderID string `json:"providerID,omitempty"`

	// olvmOvirtClusterName is the engine's (host) cluster that the VM runs in, unless the Machine has a failure domain, which names it then.
	// +optional
	// +kubebuilder:validation:MaxLength=40
	OLVMOvirtClusterName string `json:"olvmOvirtClusterName,omitempty"`

	// vmTemplateName is the engine's VM template; it holds the boot disk. It or vmTemplateID is required.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	VMTemplateName string `json:"vmTemplateName,omitempty"`

	// vmTemplateVersion chooses among the versions of that name: a number, or latest, the newest at the time when the VM is made. Without
	// it, there must be one version of the name, or ocne made all of them of images: then it is latest.
	// +optional
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:Pattern=`^(latest|[1-9][0-9]*)?$`
	VMTemplateVersion string `json:"vmTemplateVersion,omitempty"`

	// vmTemplateID is the engine's id of the VM template, instead of its name.
	// +optional
	// +kubebuilder:validation:MaxLength=36
	VMTemplateID string `json:"vmTemplateID,omitempty"`

	// imageProfile is the kind of image that the VM template holds: ock, Oracle Container Host for Kubernetes, or plain, any other Linux with
	// containerd, kubeadm and the kubelet, and with Ignition and NetworkManager, or with cloud-init. When empty, it is ock where the bootstrap
	// data is Ignition, and plain where it is cloud-config.
	// +optional
	// +kubebuilder:validation:Enum="";ock;plain
	ImageProfile string `json:"imageProfile,omitempty"`

	// olvmNetwork is the network as the engine knows it.
	// +required
	OLVMNetwork OLVMNetwork `json:"olvmNetwork"`

	// virtualMachine is the VM's shape and its network as the guest knows it.
	// +required
	VirtualMachine VirtualMachine `json:"virtualMachine"`

	// placement says which hosts the VM may run on.
	// +optional
	Placement Placement `json:"placement,omitempty,omitzero"`

	// tags of the VM in the engine; those that the engine does not have are made. They may change while the VM runs.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=40
	Tags []string `json:"tags,omitempty"`

	// ignition is merged over everything else that the VM boots with. It cannot be set where the bootstrap data is cloud-config.
	// +optional
	Ignition *Ignition `json:"ignition,omitempty"`
}

// OLVMNetwork is the network as the engine knows it.
type OLVMNetwork struct {
	// networkName is the logical network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	NetworkName string `json:"networkName"`

	// vnicProfileName is the vNIC profile of that network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=50
	VNICProfileName string `json:"vnicProfileName"`

	// vnicName is the NIC's name in the engine; nic1 when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	VNICName string `json:"vnicName,omitempty"`
}

// VirtualMachine is the VM's shape.
//
// +kubebuilder:validation:XValidation:rule="!has(self.additionalNICs) || self.additionalNICs.all(n, self.additionalNICs.exists_one(m, m.interface == n.interface))",message="additional NICs must have different interfaces"
// +kubebuilder:validation:XValidation:rule="!has(self.additionalNICs) || self.additionalNICs.all(n, n.interface != (has(self.network.interface) && size(self.network.interface) > 0 ? self.network.interface : 'enp1s0'))",message="an additional NIC must not have the first NIC's interface, which is enp1s0 unless network.interface says otherwise"
type VirtualMachine struct {
	// memory of the VM, such as 7GB, 16Gi, 7168MB or bytes; GB and GiB both mean 2^30 bytes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+([.][0-9]+)? ?([kKmMgGtT]i?[bB]?)?$')",message="memory must be a number with a unit, such as 7GB, 16Gi or 7168MB"
	Memory string `json:"memory"`

	// cpu is the processor's architecture and topology.
	// +optional
	CPU CPU `json:"cpu,omitempty,omitzero"`

	// network is the network as the guest knows it.
	// +required
	Network Network `json:"network"`

	// guaranteedMemory is what the host must have for the VM, at most memory, which it is when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.matches('^[0-9]+([.][0-9]+)? ?([kKmMgGtT]i?[bB]?)?$')",message="guaranteedMemory must be a number with a unit, such as 7GB, 16Gi or 7168MB"
	GuaranteedMemory string `json:"guaranteedMemory,omitempty"`

	// maxMemory is how far memory may grow while the VM runs, at least memory, which it is when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.matches('^[0-9]+([.][0-9]+)? ?([kKmMgGtT]i?[bB]?)?$')",message="maxMemory must be a number with a unit, such as 7GB, 16Gi or 7168MB"
	MaxMemory string `json:"maxMemory,omitempty"`

	// type is what the engine optimizes the VM for: server (the default), desktop or high_performance.
	// +optional
	Type VMType `json:"type,omitempty"`

	// description of the VM in the engine; one that names the cluster and the machine when empty. It may change while the VM runs.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Description string `json:"description,omitempty"`

	// quotaName is the quota of the data center that the VM and its disks count against; the engine's default when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=65
	QuotaName string `json:"quotaName,omitempty"`

	// highAvailability lets the engine start the VM again when its host fails.
	// +optional
	HighAvailability *HighAvailability `json:"highAvailability,omitempty"`

	// deleteProtection keeps people from removing the VM in the engine. Deleting the Machine lifts it.
	// +optional
	DeleteProtection bool `json:"deleteProtection,omitempty"`

	// console is how a person reaches the VM without its network.
	// +optional
	Console Console `json:"console,omitempty,omitzero"`

	// storageAllocation says how the boot disk comes from the template's: thin (the default), which keeps what differs from it, or clone, a
	// copy that depends on nothing.
	// +optional
	StorageAllocation StorageAllocation `json:"storageAllocation,omitempty"`

	// storageDomainName is where the VM's disks go; where the template's disk is when empty. A thin boot disk needs a copy of the template's
	// disk there.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	StorageDomainName string `json:"storageDomainName,omitempty"`

	// bootDiskSize is the size of the boot disk, such as 50GB, at least the template's, which it is when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.matches('^[0-9]+([.][0-9]+)? ?([kKmMgGtT]i?[bB]?)?$')",message="bootDiskSize must be a number with a unit, such as 50GB or 64Gi"
	BootDiskSize string `json:"bootDiskSize,omitempty"`

	// dataDisks are disks beside the boot disk.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:XValidation:rule="self.all(d, !has(d.mountPath) || size(d.mountPath) == 0 || self.exists_one(e, has(e.mountPath) && e.mountPath == d.mountPath))",message="two dataDisks have the same mountPath"
	DataDisks []DataDisk `json:"dataDisks,omitempty"`

	// additionalNICs are network interfaces beside the first one. They are made after it, in their order, before the VM starts for the first
	// time; machines that run do not follow a change.
	// +optional
	// +listType=map
	// +listMapKey=vnicName
	// +kubebuilder:validation:MaxItems=8
	AdditionalNICs []AdditionalNIC `json:"additionalNICs,omitempty"`
}

// CPU is the processor's architecture and topology.
type CPU struct {
	// architecture is the engine's name of the architecture; x86_64 when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Architecture string `json:"architecture,omitempty"`

	// topology is the number of cores, sockets and threads.
	// +optional
	Topology CPUTopology `json:"topology,omitempty,omitzero"`
}

// CPUTopology is the number of cores, sockets and threads; 0 means the default.
type CPUTopology struct {
	// cores of a socket; 2 when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=254
	Cores int32 `json:"cores,omitempty"`

	// sockets of the VM; 2 when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	Sockets int32 `json:"sockets,omitempty"`

	// threads of a core; 1 when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=8
	Threads int32 `json:"threads,omitempty"`
}

// Network is the network as the guest knows it.
//
// +kubebuilder:validation:XValidation:rule="has(self.ipv4) || (has(self.addressesFromPools) && size(self.addressesFromPools) > 0)",message="ipv4 is required: IPv6 alone is not supported, set ipv4.subnet and ipv4.ipAddresses beside ipv6"
// +kubebuilder:validation:XValidation:rule="!has(self.addressesFromPools) || size(self.addressesFromPools) == 0 || !has(self.ipv4)",message="addressesFromPools takes the place of ipv4: set one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.addressesFromPools) || size(self.addressesFromPools) == 0 || !has(self.ipv6) || !has(self.ipv6.ipAddresses) || size(self.ipv6.ipAddresses) == 0",message="addressesFromPools takes the place of ipv6.ipAddresses: set one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.addressesFromPools) || size(self.addressesFromPools) < 2 || !has(self.ipv6) || !has(self.ipv6.autoConf) || !self.ipv6.autoConf",message="ipv6.autoConf makes the IPv6 address already: leave one pool in addressesFromPools, for IPv4"
type Network struct {
	// gateway is the IPv4 default gateway; when empty, the first address of the IPv4 subnet, or the gateway that the IPAM provider says.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	Gateway string `json:"gateway,omitempty"`

	// interface is the NIC's name in the guest; enp1s0 when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Interface string `json:"interface,omitempty"`

	// interfaceType is the engine's NIC model; virtio when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	InterfaceType string `json:"interfaceType,omitempty"`

	// ipv4 is the IPv4 subnet and the addresses that machines may take. It is required, unless addressesFromPools takes its place: IPv6
	// alone is not supported.
	// +optional
	IPv4 IPv4 `json:"ipv4,omitempty,omitzero"`

	// ipv6 adds the second stack.
	// +optional
	IPv6 *IPv6 `json:"ipv6,omitempty"`

	// addressesFromPools lets an IPAM provider of Cluster API give the addresses, with their prefixes and gateways, instead of ipv4 and
	// ipv6.ipAddresses. Each pool gives one address; two are for IPv4 and IPv6, in any order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	AddressesFromPools []PoolReference `json:"addressesFromPools,omitempty"`

	// nameservers are DNS servers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=45
	Nameservers []string `json:"nameservers,omitempty"`

	// searchDomains are DNS search domains.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=253
	SearchDomains []string `json:"searchDomains,omitempty"`

	// ntpServers are time servers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=253
	NTPServers []string `json:"ntpServers,omitempty"`

	// mtu of the NIC in bytes; the network's own when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65520
	MTU int32 `json:"mtu,omitempty"`
}

// IPv4 is a subnet and a pool of addresses in it.
type IPv4 struct {
	// subnet in CIDR notation; bits of the host part are ignored.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="!self.contains(':')",message="ipv4.subnet must be an IPv4 subnet: IPv6 alone is not supported"
	Subnet string `json:"subnet"`

	// ipAddresses that machines may take: CIDR blocks, inclusive ranges (a-b) and single addresses. Many machines, templates
	// and clusters may share them; the engine decides who has which.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.all(a, !a.contains(':'))",message="ipv4.ipAddresses must be IPv4 addresses; IPv6 addresses go into ipv6.ipAddresses"
	IPAddresses []string `json:"ipAddresses"`
}

// IPv6 is the second stack.
type IPv6 struct {
	// autoConf lets the guest configure its address by SLAAC.
	// +optional
	AutoConf bool `json:"autoConf,omitempty"`

	// ipAddresses that machines may take, in the notations of IPv4.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.all(a, size(a) == 0 || a.contains(':'))",message="ipv6.ipAddresses must be IPv6 addresses; IPv4 addresses go into ipv4.ipAddresses"
	IPAddresses []string `json:"ipAddresses,omitempty"`

	// prefixLength of the subnet; 64 when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=128
	PrefixLength int32 `json:"prefixLength,omitempty"`

	// gateway is the IPv6 default gateway; learned from router advertisements when empty, as it has to be with autoConf.
	// +optional
	// +kubebuilder:validation:MaxLength=45
	Gateway string `json:"gateway,omitempty"`
}

// Ignition is a document in Ignition 3.x JSON.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.inline) && size(self.inline) > 0 && has(self.secretRef))",message="set either inline or secretRef"
type Ignition struct {
	// inline is the document itself.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Inline string `json:"inline,omitempty"`

	// secretRef names a Secret in the machine's namespace that holds the document under the key ignition.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// OLVMMachine is a machine on Oracle Linux Virtualization Manager.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=olvmmachines,scope=Namespaced,categories=cluster-api,shortName=olvmm
// +kubebuilder:subresource:status
// +kubebuilder:storageversion
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status",description="The VM runs"
// +kubebuilder:printcolumn:name="VMStatus",type="string",JSONPath=".status.olvm.virtualMachine.status",description="Status of the VM in the engine"
// +kubebuilder:printcolumn:name="VMIPAddress",type="string",JSONPath=".status.olvm.ipAddress",description="IPv4 address"
// +kubebuilder:printcolumn:name="ProviderID",type="string",JSONPath=".spec.providerID",description="olvm://<VM id>"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp",description="Age"
// +kubebuilder:printcolumn:name="Memory",type="string",priority=2,JSONPath=".spec.virtualMachine.memory",description="Memory"
// +kubebuilder:printcolumn:name="Cores",type="string",priority=2,JSONPath=".spec.virtualMachine.cpu.topology.cores",description="Cores of a socket"
// +kubebuilder:printcolumn:name="Sockets",type="string",priority=2,JSONPath=".spec.virtualMachine.cpu.topology.sockets",description="Sockets"
type OLVMMachine struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   OLVMMachineSpec   `json:"spec"`
	Status OLVMMachineStatus `json:"status,omitempty,omitzero"`
}

// GetConditions implements the setters of Cluster API's condition utilities.
func (m *OLVMMachine) GetConditions() []metav1.Condition { return m.Status.Conditions }

// SetConditions implements the setters of Cluster API's condition utilities.
func (m *OLVMMachine) SetConditions(conditions []metav1.Condition) { m.Status.Conditions = conditions }

// OLVMMachineList is a list of OLVMMachines.
//
// +kubebuilder:object:root=true
type OLVMMachineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []OLVMMachine `json:"items"`
}
