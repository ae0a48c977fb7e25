package v1

// Conditions of an OLVMCluster about its address pools.
const (
	// AddressesAvailableCondition is false while a pool that the cluster's machines take their addresses from has no free address; it
	// becomes true by itself when one is given back, or when the pool grows. Machines that run are not concerned. Pools of another IPAM
	// provider are not counted.
	AddressesAvailableCondition = "AddressesAvailable"
)

// Reasons about addresses that are true.
const (
	// AvailableReason: every pool has a free address.
	AvailableReason = "Available"
)

// Reasons about addresses that are not true. PoolExhausted is one of them, also where another IPAM provider says it.
const (
	// ChosenReason: the addresses are chosen, and are won when the VM starts. What to do: nothing.
	ChosenReason = "Chosen"
	// WaitingForAddressReason: the IPAM provider of the pool has not answered an IPAddressClaim yet; the message names it. What to do: see
	// that the provider runs, and that the pool exists.
	WaitingForAddressReason = "WaitingForAddress"
	// AllocationFailedReason: the IPAM provider cannot give an address; the message holds its words. What to do: look at the provider.
	AllocationFailedReason = "AllocationFailed"
	// PoolNotReadyReason: the IPAM provider says that the pool is not ready; the message holds its words. What to do: look at the pool.
	PoolNotReadyReason = "PoolNotReady"
	// AddressUnusableReason: the address that the IPAM provider gave cannot be used; the message says why. What to do: correct the pool, and
	// delete the Machine if it keeps the address.
	AddressUnusableReason = "AddressUnusable"
)

// PoolReference names a pool of an IPAM provider in the namespace of the object that refers to it.
type PoolReference struct {
	// apiGroup of the pool, such as ipam.cluster.x-k8s.io.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	APIGroup string `json:"apiGroup"`

	// kind of the pool, such as InClusterIPPool or GlobalInClusterIPPool.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$`
	Kind string `json:"kind"`

	// name of the pool.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// AddressFamily is IPv4 or IPv6.
//
// +kubebuilder:validation:Enum=IPv4;IPv6
type AddressFamily string

// The families of addresses.
const (
	IPv4Family AddressFamily = "IPv4"
	IPv6Family AddressFamily = "IPv6"
)

// AddressPoolStatus is how far a pool of addresses is used: the ipAddresses of one family of the cluster's machine templates. Templates
// with the same ranges on the same network share a pool.
type AddressPoolStatus struct {
	// network is the engine's logical network.
	// +required
	Network string `json:"network"`

	// family of the addresses.
	// +required
	Family AddressFamily `json:"family"`

	// ranges as the templates have them.
	// +required
	// +listType=atomic
	Ranges []string `json:"ranges"`

	// groups are the names of the OLVMMachineTemplates whose machines take their addresses from the pool.
	// +required
	// +listType=atomic
	Groups []string `json:"groups"`

	// total is how many addresses machines can take, at most 2^63-1: the subnet's first and broadcast address, the gateway and the virtual
	// IP are not counted.
	// +required
	// +kubebuilder:validation:Minimum=0
	Total int64 `json:"total"`

	// used are those that machines have, of whichever cluster.
	// +required
	// +kubebuilder:validation:Minimum=0
	Used int64 `json:"used"`

	// free are the others.
	// +required
	// +kubebuilder:validation:Minimum=0
	Free int64 `json:"free"`

	// usedBy says which clusters' machines have them, also those of other management clusters whose VMs this account sees.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	UsedBy []AddressPoolUse `json:"usedBy,omitempty"`
}

// AddressPoolUse is how many addresses of a pool the machines of one cluster have.
type AddressPoolUse struct {
	// cluster is the namespace and the name of the Cluster.
	// +required
	Cluster string `json:"cluster"`

	// addresses that its machines have.
	// +required
	// +kubebuilder:validation:Minimum=0
	Addresses int64 `json:"addresses"`
}

// String is the kind and the name of the pool.
func (r PoolReference) String() string { return r.Kind + " " + r.Name }

// FromPools says whether an IPAM provider gives the addresses.
func (n Network) FromPools() bool { return len(n.AddressesFromPools) > 0 }
