package preflight

import (
	"net/netip"

	"github.com/ocne-project/ocne/internal/address"
)

// Wanted is what a cluster needs of an engine.
type Wanted struct {
	Subjects Subjects
	// URL of the engine and the account's user name, for findings.
	URL, Username string
	// Owner is namespace/name of the Cluster: VMs with its mark are its own.
	Owner      string
	DataCenter string
	// SelfManaged: the controllers shall run on the machines.
	SelfManaged bool
	// VirtualIP is not valid when it is not to be checked.
	VirtualIP netip.Addr
	// Port of the virtual IP; 0 means not to look whether something answers there.
	Port int
	// Groups of machines that are alike.
	Groups []Group
}

// Subjects name where the user wrote what is wanted: configuration keys, or fields of an object.
type Subjects struct {
	URL, CA, Credentials, DataCenter, VirtualIP, SelfManaged string
}

// Group is a number of machines that are alike.
type Group struct {
	// Path of the group's keys, with the dot at its end; the keys below it are those of OLVMMachine's spec.
	Path string
	// Nodes that are wanted, those that exist included; 0 when that is not known.
	Nodes int
	// HoldsVirtualIP: the virtual IP moves between these machines.
	HoldsVirtualIP                          bool
	Cluster, Network, VNICProfile, Template string
	// NIC is the name of the VM's NIC.
	NIC string
	// AdditionalNICs are those beside it.
	AdditionalNICs []NIC
	// Pools are one pool of addresses for each family, without those that are never given to nodes.
	Pools []Pool
}

// Pool is one family's addresses of a group.
type Pool struct {
	Subject   string
	Addresses address.Pool
}

func (g Group) clusterKey() string     { return g.Path + "olvmOvirtClusterName" }
func (g Group) templateKey() string    { return g.Path + "vmTemplateName" }
func (g Group) networkKey() string     { return g.Path + "olvmNetwork.networkName" }
func (g Group) vnicProfileKey() string { return g.Path + "olvmNetwork.vnicProfileName" }
