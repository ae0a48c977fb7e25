package rest

// NIC is a network interface.
type NIC struct {
	Actions     *Links  `json:"actions,omitempty"`
	Href        string  `json:"href,omitempty"`
	ID          string  `json:"id,omitempty"`
	Interface   *string `json:"interface,omitempty"`
	Link        []Link  `json:"link,omitempty"`
	Linked      *Bool   `json:"linked,omitempty"`
	MAC         *MAC    `json:"mac,omitempty"`
	Name        *string `json:"name,omitempty"`
	OnBoot      *Bool   `json:"on_boot,omitempty"`
	Plugged     *Bool   `json:"plugged,omitempty"`
	Synced      *Bool   `json:"synced,omitempty"`
	Template    *Ref    `json:"template,omitempty"`
	VM          *Ref    `json:"vm,omitempty"`
	VNICProfile *Ref    `json:"vnic_profile,omitempty"`

	BootProtocol                   unused `json:"boot_protocol,omitempty"`
	Comment                        unused `json:"comment,omitempty"`
	Description                    unused `json:"description,omitempty"`
	InstanceType                   unused `json:"instance_type,omitempty"`
	Network                        unused `json:"network,omitempty"`
	NetworkAttachments             unused `json:"network_attachments,omitempty"`
	NetworkFilterParameters        unused `json:"network_filter_parameters,omitempty"`
	NetworkLabels                  unused `json:"network_labels,omitempty"`
	ReportedDevices                unused `json:"reported_devices,omitempty"`
	Statistics                     unused `json:"statistics,omitempty"`
	VirtualFunctionAllowedLabels   unused `json:"virtual_function_allowed_labels,omitempty"`
	VirtualFunctionAllowedNetworks unused `json:"virtual_function_allowed_networks,omitempty"`
	VMs                            unused `json:"vms,omitempty"`
}

// MAC is a hardware address.
type MAC struct {
	Address string `json:"address"`
}
