package machine

import (
	"encoding/json"
	"net/netip"
	"strings"
)

const (
	providerIDPrefix = "olvm://"
	markVersion      = "v1"
	// maxVMName is the engine's limit (VM names, AddVmCommand's validation).
	maxVMName = 64
	// nameSuffix is how much of the id is appended to a name that a foreign VM has already.
	nameSuffix = 5
)

// Mark says, inside the engine, whose a VM is and which addresses it has. It travels in the VM's comment, in the same request that
// makes the VM, so there is never a VM of ours without it.
type Mark struct {
	// Cluster and Machine are namespace/name of the Cluster and the OLVMMachine.
	Cluster, Machine string
	// Network is the engine's id of the logical network on which the addresses are.
	Network string
	// Addresses of the VM: IPv4 first, then IPv6 unless it configures itself.
	Addresses []netip.Addr
	// Additional are the addresses of the NICs beside the first one; those without any are not listed.
	Additional []NICAddresses
}

type wireMark struct {
	Version    string         `json:"ocne"`
	Cluster    string         `json:"cluster"`
	Machine    string         `json:"machine"`
	Network    string         `json:"network"`
	Addresses  []netip.Addr   `json:"addresses"`
	Additional []NICAddresses `json:"additional,omitempty"`
}

// Comment is the mark as the engine keeps it.
func (m Mark) Comment() string {
	b, err := json.Marshal(wireMark{
		Version: markVersion, Cluster: m.Cluster, Machine: m.Machine, Network: m.Network, Addresses: m.Addresses, Additional: m.Additional,
	})
	if err != nil {
		panic(err) // strings and addresses always encode
	}
	return string(b)
}

// ParseMark reads a VM's comment; ok is false when it is not a mark of ours.
func ParseMark(comment string) (m Mark, ok bool) {
	var w wireMark
	if !strings.HasPrefix(strings.TrimSpace(comment), "{") || json.Unmarshal([]byte(comment), &w) != nil || w.Version != markVersion {
		return Mark{}, false
	}
	return Mark{Cluster: w.Cluster, Machine: w.Machine, Network: w.Network, Addresses: w.Addresses, Additional: w.Additional}, true
}

// SameOwner says whether two marks name the same machine.
func (m Mark) SameOwner(other Mark) bool {
	return m.Cluster == other.Cluster && m.Machine == other.Machine
}

// ProviderID of a VM.
func ProviderID(vmID string) string { return providerIDPrefix + vmID }

// VMID is the id in a provider id, or "" when there is none.
func VMID(providerID string) string {
	id, ok := strings.CutPrefix(providerID, providerIDPrefix)
	if !ok {
		return ""
	}
	return id
}

// VMName is the machine's name, or, when a foreign VM has it, that name with a part of the VM's own id.
func VMName(machineName, vmID string, taken bool) string {
	if !taken && len(machineName) <= maxVMName {
		return machineName
	}
	keep := min(len(machineName), maxVMName-nameSuffix-1)
	return machineName[:keep] + "-" + strings.ReplaceAll(vmID, "-", "")[:nameSuffix]
}

// CorrelationID ties the engine's jobs to the VM that they are for; the engine cuts it at 36 characters, the length of an id.
func CorrelationID(vmID string) string { return vmID }

// Description is what a person reads in the engine's console.
func Description(m Mark) string {
	return "Node of Kubernetes cluster " + m.Cluster + ", managed by Cluster API (machine " + m.Machine + ")"
}
