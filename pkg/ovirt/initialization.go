package ovirt

import "strings"

// Boot protocols of a NIC in the guest: BootProtocol in the API model.
const (
	BootNone     = "none"
	BootDHCP     = "dhcp"
	BootStatic   = "static"
	BootAutoconf = "autoconf" // IPv6 only
)

// Initialization is what the engine writes for cloud-init beside AddVM.CustomScript; what is empty is not sent. Leave it empty
// for an Ignition document: the engine edits that for a host or user name, and can break it (IgnitionHandler).
type Initialization struct {
	HostName, UserName string
	NICs               []NICConfiguration
	// DNSServers and DNSSearch count only beside at least one of NICs (CloudInitHandler).
	DNSServers, DNSSearch []string
}

// NICConfiguration is how the guest sets up a network interface.
type NICConfiguration struct {
	Name         string // the guest's, for example enp1s0; under another name there is no network
	OnBoot       bool
	BootProtocol string // of IPv4, one of the Boot constants
	// IPv4 is for BootStatic; its Netmask is dotted, for example 255.255.255.0.
	IPv4             *IPConfiguration
	IPv6BootProtocol string
	// IPv6 is for BootStatic; its Netmask is the length of the prefix, for example 64.
	IPv6 *IPConfiguration
}

// IPConfiguration is an address with its network.
type IPConfiguration struct {
	Address, Netmask, Gateway string
}

// wireInitialization has a pointer because an empty custom_script is what empties the one that the engine holds.
type wireInitialization struct {
	CustomScript *string                `json:"custom_script,omitempty"`
	HostName     string                 `json:"host_name,omitempty"`
	UserName     string                 `json:"user_name,omitempty"`
	DNSServers   string                 `json:"dns_servers,omitempty"` // with spaces between them
	DNSSearch    string                 `json:"dns_search,omitempty"`
	NICs         *wireNICConfigurations `json:"nic_configurations,omitempty"`
}

type wireNICConfigurations struct {
	NICConfiguration []wireNICConfiguration `json:"nic_configuration,omitempty"`
}

type wireNICConfiguration struct {
	Name             string  `json:"name,omitempty"`
	OnBoot           boolean `json:"on_boot"`
	BootProtocol     string  `json:"boot_protocol,omitempty"`
	IP               *wireIP `json:"ip,omitempty"`
	IPv6BootProtocol string  `json:"ipv6_boot_protocol,omitempty"`
	IPv6             *wireIP `json:"ipv6,omitempty"`
}

type wireIP struct {
	Address string `json:"address,omitempty"`
	Netmask string `json:"netmask,omitempty"`
	Gateway string `json:"gateway,omitempty"`
	Version string `json:"version,omitempty"`
}

// wire is nil where nothing is said.
func (i Initialization) wire(customScript string) *wireInitialization {
	w := wireInitialization{
		HostName: i.HostName, UserName: i.UserName, DNSServers: strings.Join(i.DNSServers, " "), DNSSearch: strings.Join(i.DNSSearch, " "),
	}
	if customScript != "" {
		w.CustomScript = &customScript
	}
	for _, nic := range i.NICs {
		if w.NICs == nil {
			w.NICs = &wireNICConfigurations{}
		}
		w.NICs.NICConfiguration = append(w.NICs.NICConfiguration, wireNICConfiguration{
			Name: nic.Name, OnBoot: boolean(nic.OnBoot), BootProtocol: nic.BootProtocol, IP: nic.IPv4.wire("v4"),
			IPv6BootProtocol: nic.IPv6BootProtocol, IPv6: nic.IPv6.wire("v6"),
		})
	}
	if w == (wireInitialization{}) {
		return nil
	}
	return &w
}

func (c *IPConfiguration) wire(version string) *wireIP {
	if c == nil {
		return nil
	}
	return &wireIP{Address: c.Address, Netmask: c.Netmask, Gateway: c.Gateway, Version: version}
}
