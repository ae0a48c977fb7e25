package v1

// VMType is what the engine optimizes a VM for.
//
// +kubebuilder:validation:Enum="";server;desktop;high_performance
type VMType string

// The engine's types of VMs (VmType in the API model).
const (
	ServerVM          VMType = "server"
	DesktopVM         VMType = "desktop"
	HighPerformanceVM VMType = "high_performance"
)

// StorageAllocation says how the boot disk comes from the template's.
//
// +kubebuilder:validation:Enum="";thin;clone
type StorageAllocation string

// The allocations, as the engine's console calls them.
const (
	// ThinAllocation: the disk holds what differs from the template's, which has to stay.
	ThinAllocation StorageAllocation = "thin"
	// CloneAllocation: the disk is a copy, and depends on nothing.
	CloneAllocation StorageAllocation = "clone"
)

// HighAvailability lets the engine start the VM again, on another host, when its host fails. It is apart from Cluster API, which replaces
// a Machine that is not well.
type HighAvailability struct {
	// priority among the VMs that are started again: 1 (low, the default), 50, or 100 (high), as the engine's console has them, or between.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Priority int32 `json:"priority,omitempty"`

	// leaseStorageDomainName is the storage domain of a lease without which no second copy of the VM can run while its host cannot be asked.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	LeaseStorageDomainName string `json:"leaseStorageDomainName,omitempty"`
}

// Console is how a person reaches the VM without its network.
type Console struct {
	// graphics is the protocol of the graphical console: vnc or spice; none for a VM without one; the template's when empty.
	// +optional
	// +kubebuilder:validation:Enum="";vnc;spice;none
	Graphics string `json:"graphics,omitempty"`

	// serial adds a serial console.
	// +optional
	Serial bool `json:"serial,omitempty"`
}

// DataDisk is a disk beside the boot disk. It is made with the VM, and removed with it.
//
// +kubebuilder:validation:XValidation:rule="has(self.mountPath) && size(self.mountPath) > 0 || !has(self.filesystem) || size(self.filesystem) == 0",message="filesystem needs a mountPath"
// +kubebuilder:validation:XValidation:rule="!has(self.allocation) || self.allocation != 'preallocated' || !has(self.format) || self.format != 'cow'",message="format cannot be cow when allocation is preallocated: set raw, or leave it out"
type DataDisk struct {
	// name of the disk in this list; the engine's name is that of the VM with this one: <VM>-<name>.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// size such as 100GB or 50Gi; GB and GiB both mean 2^30 bytes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+([.][0-9]+)? ?([kKmMgGtT]i?[bB]?)?$')",message="size must be a number with a unit, such as 100GB or 50Gi"
	Size string `json:"size"`

	// storageDomainName is where the disk goes; where the VM's boot disk is when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=50
	StorageDomainName string `json:"storageDomainName,omitempty"`

	// format of the image: cow or raw; when empty, raw for a preallocated disk and cow otherwise. Block storage has no thin raw disks.
	// +optional
	// +kubebuilder:validation:Enum="";cow;raw
	Format string `json:"format,omitempty"`

	// allocation is thin (the default) or preallocated.
	// +optional
	// +kubebuilder:validation:Enum="";thin;preallocated
	Allocation string `json:"allocation,omitempty"`

	// interface is the model that the guest sees: virtio_scsi (the default) or virtio.
	// +optional
	// +kubebuilder:validation:Enum="";virtio_scsi;virtio
	Interface string `json:"interface,omitempty"`

	// mountPath is where the guest mounts the disk before the kubelet and the container runtime start, with a file system that is made at
	// the first boot; it does neither when empty. Only for images with Ignition.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^(/[A-Za-z0-9._-]+)+$`
	MountPath string `json:"mountPath,omitempty"`

	// filesystem to make: xfs (the default) or ext4.
	// +optional
	// +kubebuilder:validation:Enum="";xfs;ext4
	Filesystem string `json:"filesystem,omitempty"`
}

// AdditionalNIC is a network interface beside the first one, which alone carries the node's address and the default route.
//
// +kubebuilder:validation:XValidation:rule="!has(self.addressesFromPools) || size(self.addressesFromPools) == 0 || (!has(self.ipv4) && !has(self.ipv6))",message="addressesFromPools takes the place of ipv4 and ipv6: set one of them"
// +kubebuilder:validation:XValidation:rule="!has(self.routes) || size(self.routes) == 0 || has(self.ipv4) || has(self.ipv6) || (has(self.addressesFromPools) && size(self.addressesFromPools) > 0)",message="routes need an address on the NIC: set ipv4, ipv6 or addressesFromPools"
// +kubebuilder:validation:XValidation:rule="!has(self.ipv6) || !has(self.ipv6.gateway) || size(self.ipv6.gateway) == 0",message="an additional NIC has no gateway: leave ipv6.gateway out, and write routes"
// +kubebuilder:validation:XValidation:rule="!has(self.ipv6) || (has(self.ipv6.autoConf) && self.ipv6.autoConf) != (has(self.ipv6.ipAddresses) && size(self.ipv6.ipAddresses) > 0)",message="ipv6 needs either ipAddresses or autoConf"
type AdditionalNIC struct {
	// vnicName is the NIC's name in the engine, such as nic2.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=50
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_.-]+$`
	VNICName string `json:"vnicName"`

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

	// interface is the NIC's name in the guest, such as enp2s0.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_.-]+$`
	Interface string `json:"interface"`

	// interfaceType is the engine's NIC model; virtio when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	InterfaceType string `json:"interfaceType,omitempty"`

	// ipv4 is the subnet and the addresses that machines may take on this network. Without it, ipv6 and addressesFromPools, the NIC is up
	// and has no address.
	// +optional
	IPv4 *IPv4 `json:"ipv4,omitempty"`

	// ipv6 is the same for IPv6: ipAddresses or autoConf, and no gateway. Routes say what goes through this NIC.
	// +optional
	IPv6 *IPv6 `json:"ipv6,omitempty"`

	// addressesFromPools lets an IPAM provider of Cluster API give the addresses, with their prefixes; their gateways are not used. Each pool
	// gives one address; two are for IPv4 and IPv6, in any order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2
	AddressesFromPools []PoolReference `json:"addressesFromPools,omitempty"`

	// mtu of the NIC in bytes; the network's own when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=65520
	MTU int32 `json:"mtu,omitempty"`

	// routes that go through this NIC. It never has the default route.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Routes []Route `json:"routes,omitempty"`
}

// Route is a route through a NIC.
type Route struct {
	// to is the destination in CIDR notation.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('0.0.0.0/0') && !self.startsWith('::/0')",message="an additional NIC never has the default route: name the networks behind it"
	To string `json:"to"`

	// via is the next hop, an address in a subnet of the NIC, or a link-local one of IPv6. No machine takes it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=45
	Via string `json:"via"`

	// metric of the route; the guest's own when 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Metric int32 `json:"metric,omitempty"`
}
