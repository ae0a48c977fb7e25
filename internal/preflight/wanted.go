package preflight

import (
	"cmp"
	"net/netip"

	infrav1 "github.com/ocne-project/ocne/api/v1"
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
	// Shape is what else the machines name.
	Shape Shape
	// NIC is the name of the VM's NIC.
	NIC string
	// AdditionalNICs are those beside it.
	AdditionalNICs []NIC
	// Disks are what the machines ask for beyond the template's disk.
	Disks Disks
	// Format of the bootstrap data that the machines read: ignition when empty, or cloud-config.
	Format string
	// Pools are one pool of addresses for each family, without those that are never given to nodes.
	Pools []Pool

	// ClusterSubject, VNICProfileSubject and StorageDomainSubject are where these names were written, when not below the path: in a failure
	// domain.
	ClusterSubject, VNICProfileSubject, StorageDomainSubject string
	// Here is how many of the nodes are to be in the cluster; 0 when that is not known.
	Here int
	// Apart: no two of the nodes may be on one host.
	Apart bool
	// Hosts are the only ones that the nodes may be on, by name; any when empty.
	Hosts []string
	// AffinityLabels of the engine that the nodes get.
	AffinityLabels []string
}

// Place takes over what concerns the engine of a placement.
func (g *Group) Place(p infrav1.Placement) {
	g.Apart, g.Hosts, g.AffinityLabels = p.Kind() == infrav1.HardAntiAffinity, p.Hosts, p.AffinityLabels
}

// Disks are what machines ask for about theirs.
type Disks struct {
	// Domain is the storage domain of the boot disk; where the template's disk is when empty.
	Domain string
	// Clone: the boot disk is a copy of the template's.
	Clone bool
	// BootDiskSize in bytes; 0 for the template's.
	BootDiskSize int64
	DataDisks    []DataDisk
}

// DataDisk is a disk beside the boot disk.
type DataDisk struct {
	Name string
	// Domain is its storage domain; that of the boot disk when empty.
	Domain string
	// Preallocated is what it takes at once, in bytes; 0 for a thin disk.
	Preallocated int64
}

// DisksOf is what a machine's spec asks for. domain is its failure domain's storage domain, if that has one. Sizes that cannot be read are
// left out: that is told elsewhere.
func DisksOf(vm infrav1.VirtualMachine, domain string) Disks {
	s := Disks{Domain: cmp.Or(domain, vm.StorageDomainName), Clone: vm.StorageAllocation == infrav1.CloneAllocation}
	s.BootDiskSize, _ = infrav1.ParseSize(vm.BootDiskSize)
	for _, d := range vm.DataDisks {
		disk := DataDisk{Name: d.Name, Domain: d.StorageDomainName}
		if !d.Thin() {
			disk.Preallocated, _ = infrav1.ParseSize(d.Size)
		}
		s.DataDisks = append(s.DataDisks, disk)
	}
	return s
}

// Pool is one family's addresses of a group.
type Pool struct {
	Subject   string
	Addresses address.Pool
}

func (g Group) clusterKey() string { return cmp.Or(g.ClusterSubject, g.Path+"olvmOvirtClusterName") }

func (g Group) templateKey() string {
	switch {
	case g.Shape.TemplateID != "":
		return g.Path + "vmTemplateID"
	case g.Shape.TemplateVersion != "":
		return g.Path + "vmTemplateVersion"
	}
	return g.Path + "vmTemplateName"
}

func (g Group) networkKey() string { return g.Path + "olvmNetwork.networkName" }

func (g Group) storageDomainKey() string {
	return cmp.Or(g.StorageDomainSubject, g.Path+"virtualMachine.storageDomainName")
}

func (g Group) dataDiskKey(name string) string {
	return g.Path + "virtualMachine.dataDisks (" + name + ").storageDomainName"
}

func (g Group) vnicProfileKey() string {
	return cmp.Or(g.VNICProfileSubject, g.Path+"olvmNetwork.vnicProfileName")
}

func (g Group) placementKey() string { return g.Path + "placement." }
