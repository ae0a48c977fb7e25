package rest

// Initialization is what the config drive holds.
type Initialization struct {
	ActiveDirectoryOU        unused             `json:"active_directory_ou,omitempty"`
	AuthorizedSSHKeys        *string            `json:"authorized_ssh_keys,omitempty"`
	CloudInit                unused             `json:"cloud_init,omitempty"`
	CloudInitNetworkProtocol *string            `json:"cloud_init_network_protocol,omitempty"`
	Configuration            *Configuration     `json:"configuration,omitempty"`
	CustomScript             *string            `json:"custom_script,omitempty"`
	DNSSearch                *string            `json:"dns_search,omitempty"`
	DNSServers               *string            `json:"dns_servers,omitempty"`
	Domain                   unused             `json:"domain,omitempty"`
	HostName                 *string            `json:"host_name,omitempty"`
	InputLocale              unused             `json:"input_locale,omitempty"`
	NICConfigurations        *NICConfigurations `json:"nic_configurations,omitempty"`
	OrgName                  unused             `json:"org_name,omitempty"`
	RegenerateIDs            unused             `json:"regenerate_ids,omitempty"`
	RegenerateSSHKeys        *Bool              `json:"regenerate_ssh_keys,omitempty"`
	RootPassword             *string            `json:"root_password,omitempty"`
	SystemLocale             unused             `json:"system_locale,omitempty"`
	Timezone                 *string            `json:"timezone,omitempty"`
	UILanguage               unused             `json:"ui_language,omitempty"`
	UserLocale               unused             `json:"user_locale,omitempty"`
	UserName                 *string            `json:"user_name,omitempty"`
	WindowsLicenseKey        unused             `json:"windows_license_key,omitempty"`
}

// Configuration is the whole VM as an OVF document, which only replies with all content have.
type Configuration struct {
	Data string `json:"data,omitempty"`
	Type string `json:"type,omitempty"`
}

// NICConfigurations is a list.
type NICConfigurations struct {
	NICConfiguration []NICConfiguration `json:"nic_configuration,omitempty"`
}

// NICConfiguration is how the guest configures a NIC.
type NICConfiguration struct {
	BootProtocol     *string `json:"boot_protocol,omitempty"`
	IP               *IP     `json:"ip,omitempty"`
	IPv6             *IP     `json:"ipv6,omitempty"`
	IPv6BootProtocol *string `json:"ipv6_boot_protocol,omitempty"`
	Name             *string `json:"name,omitempty"`
	OnBoot           *Bool   `json:"on_boot,omitempty"`
}

// IP is an address with its network.
type IP struct {
	Address *string `json:"address,omitempty"`
	Gateway *string `json:"gateway,omitempty"`
	Netmask *string `json:"netmask,omitempty"`
	Version *string `json:"version,omitempty"`
}
