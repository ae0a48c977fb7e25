package rest

// API is the entry point.
type API struct {
	AuthenticatedUser Ref            `json:"authenticated_user"`
	EffectiveUser     Ref            `json:"effective_user"`
	Link              []Link         `json:"link"`
	ProductInfo       ProductInfo    `json:"product_info"`
	SpecialObjects    SpecialObjects `json:"special_objects"`
	Summary           *Summary       `json:"summary,omitempty"`
	Time              Millis         `json:"time"`
}

// ProductInfo names the engine.
type ProductInfo struct {
	InstanceID string  `json:"instance_id"`
	Name       string  `json:"name"`
	Vendor     string  `json:"vendor"`
	Version    Version `json:"version"`
}

// SpecialObjects are the objects that every engine has.
type SpecialObjects struct {
	BlankTemplate Ref `json:"blank_template"`
	RootTag       Ref `json:"root_tag"`
}

// Summary counts.
type Summary struct {
	Hosts          Count `json:"hosts"`
	StorageDomains Count `json:"storage_domains"`
	Users          Count `json:"users"`
	VMs            Count `json:"vms"`
}

// Count is how many there are, and how many are at work.
type Count struct {
	Active Int `json:"active"`
	Total  Int `json:"total"`
}

// DataCenter is a data center.
type DataCenter struct {
	Comment     string  `json:"comment"`
	Description string  `json:"description"`
	Href        string  `json:"href"`
	ID          string  `json:"id"`
	Link        []Link  `json:"link"`
	Local       Bool    `json:"local"`
	Name        string  `json:"name"`
	QuotaMode   string  `json:"quota_mode"`
	Status      string  `json:"status"`
	Version     Version `json:"version"`
}

// Cluster is a group of hosts.
type Cluster struct {
	Comment      string     `json:"comment"`
	CPU          CPU        `json:"cpu"`
	DataCenter   Ref        `json:"data_center"`
	Description  string     `json:"description"`
	Href         string     `json:"href"`
	ID           string     `json:"id"`
	Link         []Link     `json:"link"`
	MemoryPolicy OverCommit `json:"memory_policy"`
	Name         string     `json:"name"`
	Version      Version    `json:"version"`
}

// OverCommit is a cluster's memory policy.
type OverCommit struct {
	OverCommit struct {
		Percent Int `json:"percent"`
	} `json:"over_commit"`
}

// Host is a hypervisor; memory is in bytes.
type Host struct {
	Address             string   `json:"address"`
	Cluster             Ref      `json:"cluster"`
	Comment             string   `json:"comment"`
	CPU                 CPU      `json:"cpu"`
	HardwareInformation Hardware `json:"hardware_information"`
	Href                string   `json:"href"`
	ID                  string   `json:"id"`
	Link                []Link   `json:"link"`
	MaxSchedulingMemory Int      `json:"max_scheduling_memory"`
	Memory              Int      `json:"memory"`
	Name                string   `json:"name"`
	Status              string   `json:"status"`
	Type                string   `json:"type"`
}

// Hardware identifies a host.
type Hardware struct {
	UUID string `json:"uuid"`
}

// Network is a logical network.
type Network struct {
	Comment          string `json:"comment"`
	DataCenter       Ref    `json:"data_center"`
	Description      string `json:"description"`
	ExternalProvider *Ref   `json:"external_provider,omitempty"`
	Href             string `json:"href"`
	ID               string `json:"id"`
	Link             []Link `json:"link"`
	MTU              Int    `json:"mtu"`
	Name             string `json:"name"`
	STP              Bool   `json:"stp"`
	Usages           Usages `json:"usages"`
	VLAN             *VLAN  `json:"vlan,omitempty"`
}

// Usages is what a network is for.
type Usages struct {
	Usage []string `json:"usage"`
}

// VLAN is a VLAN tag.
type VLAN struct {
	ID Int `json:"id"`
}

// VNICProfile connects NICs to a network.
type VNICProfile struct {
	Href          string      `json:"href"`
	ID            string      `json:"id"`
	Link          []Link      `json:"link"`
	Name          string      `json:"name"`
	Network       Ref         `json:"network"`
	NetworkFilter *Ref        `json:"network_filter,omitempty"`
	PassThrough   PassThrough `json:"pass_through"`
	PortMirroring Bool        `json:"port_mirroring"`
}

// VNICProfileBody is a vNIC profile in requests.
type VNICProfileBody struct {
	Href          string       `json:"href,omitempty"`
	ID            string       `json:"id,omitempty"`
	Name          string       `json:"name,omitempty"`
	Network       *Ref         `json:"network,omitempty"`
	NetworkFilter *Ref         `json:"network_filter,omitempty"`
	PassThrough   *PassThrough `json:"pass_through,omitempty"`

	Comment          unused `json:"comment,omitempty"`
	CustomProperties unused `json:"custom_properties,omitempty"`
	Description      unused `json:"description,omitempty"`
	FailOver         unused `json:"failover,omitempty"`
	Migratable       unused `json:"migratable,omitempty"`
	Permissions      unused `json:"permissions,omitempty"`
	PortMirroring    unused `json:"port_mirroring,omitempty"`
	QOS              unused `json:"qos,omitempty"`
}

// RootName implements wire.Named.
func (VNICProfileBody) RootName() string { return "vnic_profile" }

// PassThrough says whether a NIC is a device of the host.
type PassThrough struct {
	Mode string `json:"mode"`
}

// StorageDomain holds disks; sizes are bytes. The status is present only below a data center.
type StorageDomain struct {
	Available      Int     `json:"available"`
	Comment        string  `json:"comment"`
	Committed      Int     `json:"committed"`
	DataCenters    DCRefs  `json:"data_centers"`
	Description    string  `json:"description"`
	ExternalStatus string  `json:"external_status"`
	Href           string  `json:"href"`
	ID             string  `json:"id"`
	Link           []Link  `json:"link"`
	Master         Bool    `json:"master"`
	Name           string  `json:"name"`
	Status         string  `json:"status,omitempty"`
	Storage        Storage `json:"storage"`
	StorageFormat  string  `json:"storage_format"`
	Type           string  `json:"type"`
	Used           Int     `json:"used"`
}

// DCRefs is a list of references.
type DCRefs struct {
	DataCenter []Ref `json:"data_center"`
}

// Storage is where a storage domain is.
type Storage struct {
	Type string `json:"type"`
}

// Job is the engine's record of a command.
type Job struct {
	AutoCleared Bool    `json:"auto_cleared"`
	Description string  `json:"description"`
	EndTime     *Millis `json:"end_time,omitempty"`
	External    Bool    `json:"external"`
	Href        string  `json:"href"`
	ID          string  `json:"id"`
	LastUpdated *Millis `json:"last_updated,omitempty"`
	Link        []Link  `json:"link"`
	Owner       Ref     `json:"owner"`
	StartTime   *Millis `json:"start_time,omitempty"`
	Status      string  `json:"status"`
}

// Event is a line of the audit log.
type Event struct {
	Code          Int    `json:"code"`
	CorrelationID string `json:"correlation_id,omitempty"`
	CustomID      Int    `json:"custom_id"`
	Description   string `json:"description"`
	Href          string `json:"href"`
	ID            string `json:"id"`
	Index         Int    `json:"index"`
	Origin        string `json:"origin"`
	Severity      string `json:"severity"`
	Time          Millis `json:"time"`
	VM            *Ref   `json:"vm,omitempty"`
}
