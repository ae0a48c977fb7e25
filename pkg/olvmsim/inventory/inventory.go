// Package inventory describes what a simulated engine holds before the first call: the objects that an administrator
// of a real engine creates by hand.
package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// Inventory is the content of an inventory file (YAML; unknown keys are refused). Ids may be left out: they are then
// derived from the kind and the name, so that they stay the same from run to run. References are by name.
// The Blank template is always there and is not listed.
type Inventory struct {
	DataCenters    []DataCenter    `json:"dataCenters"`
	Clusters       []Cluster       `json:"clusters"`
	Hosts          []Host          `json:"hosts"`
	StorageDomains []StorageDomain `json:"storageDomains"`
	Networks       []Network       `json:"networks"`
	VNICProfiles   []VNICProfile   `json:"vnicProfiles"`
	Templates      []Template      `json:"templates"`
	Users          []User          `json:"users,omitempty"`
	AffinityLabels []AffinityLabel `json:"affinityLabels,omitempty"`
	// Quotas are those beside the quota Default that every data center has. They limit nothing.
	Quotas []Quota `json:"quotas,omitempty"`
	// MaxVMNameLength is the engine's setting of that name (engine-config MaxVmNameLength), in characters; default 64.
	MaxVMNameLength int `json:"maxVMNameLength,omitempty"`
}

// DataCenter groups clusters, storage and networks. VM names are unique in it.
type DataCenter struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Status is one of the engine's data center statuses; default "up".
	Status string `json:"status,omitempty"`
}

// Cluster is a group of hosts.
type Cluster struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// DataCenter names the data center; default: the first one.
	DataCenter string `json:"dataCenter,omitempty"`
	// CPUType is the engine's name of the cluster's CPU; default "Intel Cascadelake Server Family".
	CPUType string `json:"cpuType,omitempty"`
}

// Host runs VMs while its status is "up".
type Host struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Address is the host's management address; default: its name.
	Address string `json:"address,omitempty"`
	// Cluster names the cluster; default: the first one.
	Cluster string `json:"cluster,omitempty"`
	// Status is one of the engine's host statuses; default "up".
	Status string `json:"status,omitempty"`
	// MemoryBytes is the physical memory; default 256 GiB.
	MemoryBytes int64 `json:"memoryBytes,omitempty"`
	// Cores is the number of CPU cores; default 32.
	Cores int64 `json:"cores,omitempty"`
}

// StorageDomain holds disks.
type StorageDomain struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// DataCenter names the data center that it is attached to; default: the first one.
	DataCenter string `json:"dataCenter,omitempty"`
	// Type is the kind of storage: nfs, iscsi, fcp, posixfs, localfs; default "nfs".
	Type string `json:"type,omitempty"`
	// Status is what the data center says of it; default "active".
	Status string `json:"status,omitempty"`
	// AvailableBytes is the free space at start; default 1 TiB.
	AvailableBytes int64 `json:"availableBytes,omitempty"`
}

// Network is a logical network of a data center.
type Network struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// DataCenter names the data center; default: the first one.
	DataCenter string `json:"dataCenter,omitempty"`
	// VLAN is the VLAN id, 1-4094; 0 means untagged.
	VLAN int64 `json:"vlan,omitempty"`
	// ExternalProvider names the provider that the network comes from, such as ovirt-provider-ovn; empty means none.
	ExternalProvider string `json:"externalProvider,omitempty"`
}

// VNICProfile is how VMs are connected to a network.
type VNICProfile struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Network names the network; default: the one that has the profile's name.
	Network string `json:"network,omitempty"`
	// DataCenter names the network's data center; default: the first one.
	DataCenter string `json:"dataCenter,omitempty"`
	// NetworkFilter is the name of the engine's network filter, such as vdsm-no-mac-spoofing; empty means none.
	NetworkFilter string `json:"networkFilter,omitempty"`
	// PassThrough is true for a profile that hands a physical device to the VM.
	PassThrough bool `json:"passThrough,omitempty"`
}

// Template is what VMs are made from.
type Template struct {
	ID          string `json:"id,omitempty"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Version tells templates of one name apart; default 1. Version 1 comes first in the file.
	Version int64 `json:"version,omitempty"`
	// Cluster names the cluster; default: the first one.
	Cluster string `json:"cluster,omitempty"`
	// OSType is the engine's operating system type; default "other". Only "rhcos_x64" gets its script as Ignition.
	OSType string `json:"osType,omitempty"`
	// BIOSType is the firmware and chipset; default "q35_ovmf" (UEFI).
	BIOSType string `json:"biosType,omitempty"`
	// VMType is desktop, server or high_performance; default "server".
	VMType string `json:"vmType,omitempty"`
	// MemoryBytes is a multiple of 1 MiB; default 4 GiB.
	MemoryBytes int64 `json:"memoryBytes,omitempty"`
	// Cores is the number of cores of the one socket; default 2.
	Cores int64 `json:"cores,omitempty"`
	// Status is ok, locked or illegal; default "ok".
	Status string `json:"status,omitempty"`
	Disks  []Disk `json:"disks,omitempty"`
	NICs   []NIC  `json:"nics,omitempty"`
	// KubernetesVersion is what the image holds, with the leading "v". Guests read it; the engine's API knows nothing of it.
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
}

// Disk is a disk of a template.
type Disk struct {
	ID    string `json:"id,omitempty"`
	Alias string `json:"alias,omitempty"`
	// SizeBytes is the virtual size; default 15 GiB.
	SizeBytes int64 `json:"sizeBytes,omitempty"`
	// Format is cow or raw; default "cow".
	Format string `json:"format,omitempty"`
	// StorageDomain names the storage domain; default: the first one.
	StorageDomain string `json:"storageDomain,omitempty"`
	// Data is true for a disk that the VM does not boot from.
	Data bool `json:"data,omitempty"`
}

// NIC is a network interface of a template.
type NIC struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// VNICProfile names the profile; empty means not connected.
	VNICProfile string `json:"vnicProfile,omitempty"`
	// Interface is the device model; default "virtio".
	Interface string `json:"interface,omitempty"`
}

// Quota is what a VM or a disk can be counted to.
type Quota struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// DataCenter names the data center; default: the first one.
	DataCenter string `json:"dataCenter,omitempty"`
}

// AffinityLabel marks VMs and hosts.
type AffinityLabel struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name"`
	// Implicit makes the VMs that have the label run on the hosts that have it only.
	Implicit bool `json:"implicit,omitempty"`
	// Hosts names the hosts that have the label.
	Hosts []string `json:"hosts,omitempty"`
}

// User is an account beside the built-in administrator.
type User struct {
	ID string `json:"id,omitempty"`
	// Name is NAME@PROFILE, such as operator@internal.
	Name     string `json:"name"`
	Password string `json:"password"`
	// Admin is true for one who may ask unfiltered queries, as users with an administrator's role on anything may. Commands
	// need permits all the same.
	Admin bool   `json:"admin,omitempty"`
	Roles []Role `json:"roles,omitempty"`
}

// Role is a set of permits that a user holds on an object and what is below it.
type Role struct {
	Name string `json:"name"`
	// Permits are the engine's, such as create_vm. They are given where the role is first named, and may be left out later.
	// The engine's own roles SuperUser, UserVmManager and DiskOperator are there from the start.
	Permits []string `json:"permits,omitempty"`
	// On is the object; default: the system, which is above everything.
	On Object `json:"on,omitempty"`
}

// Object names what a role is given on.
type Object struct {
	// Type is system, dataCenter, cluster, template, storageDomain, network or vnicProfile; default "system".
	Type string `json:"type,omitempty"`
	// Name is the object's. It is left out for the system.
	Name string `json:"name,omitempty"`
}

// Default is the inventory of a small, healthy installation: data center and cluster Default, three hosts, the NFS
// storage domains data and data2, network and vNIC profile ovirtmgmt, and the UEFI template ock without NICs, which
// is how the OCK image is documented to be imported.
func Default() Inventory {
	return Inventory{
		DataCenters:    []DataCenter{{Name: "Default"}},
		Clusters:       []Cluster{{Name: "Default"}},
		Hosts:          []Host{{Name: "host1"}, {Name: "host2"}, {Name: "host3"}},
		StorageDomains: []StorageDomain{{Name: "data"}, {Name: "data2"}},
		Networks:       []Network{{Name: "ovirtmgmt"}},
		VNICProfiles:   []VNICProfile{{Name: "ovirtmgmt"}},
		Templates: []Template{{
			Name: "ock", OSType: "rhcos_x64", KubernetesVersion: "v1.33.10",
			Disks: []Disk{{Alias: "ock-boot"}},
		}},
	}
}

// Load reads an inventory file.
func Load(path string) (Inventory, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return Inventory{}, fmt.Errorf("read inventory: %w", err)
	}
	inv, err := parse(raw)
	if err != nil {
		return Inventory{}, fmt.Errorf("read inventory %s: %w", path, err)
	}
	return inv, nil
}

// parse reads YAML of version 1.2, where the key "on" is not a boolean.
func parse(raw []byte) (Inventory, error) {
	var document any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		return Inventory{}, err
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		return Inventory{}, err
	}
	var inv Inventory
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&inv); err != nil {
		return Inventory{}, err
	}
	return inv, nil
}
