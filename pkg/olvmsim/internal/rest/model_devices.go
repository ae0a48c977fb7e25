package rest

// Ticket is a console password.
type Ticket struct {
	// Expiry is in seconds.
	Expiry *Int    `json:"expiry,omitempty"`
	Value  *string `json:"value,omitempty"`
}

// Tag marks objects.
type Tag struct {
	Comment     unused  `json:"comment,omitempty"`
	Description *string `json:"description,omitempty"`
	Href        string  `json:"href,omitempty"`
	ID          string  `json:"id,omitempty"`
	Name        *string `json:"name,omitempty"`
	Parent      *Ref    `json:"parent,omitempty"`
	VM          *Ref    `json:"vm,omitempty"`

	Group    unused `json:"group,omitempty"`
	Host     unused `json:"host,omitempty"`
	Template unused `json:"template,omitempty"`
	User     unused `json:"user,omitempty"`
}

// AffinityGroup says which VMs run together, apart, or where.
type AffinityGroup struct {
	Cluster     *Ref          `json:"cluster,omitempty"`
	Comment     unused        `json:"comment,omitempty"`
	Description *string       `json:"description,omitempty"`
	Enforcing   *Bool         `json:"enforcing,omitempty"`
	HostLabels  *LabelRefs    `json:"host_labels,omitempty"`
	Hosts       *HostRefs     `json:"hosts,omitempty"`
	HostsRule   *AffinityRule `json:"hosts_rule,omitempty"`
	Href        string        `json:"href,omitempty"`
	ID          string        `json:"id,omitempty"`
	Link        []Link        `json:"link,omitempty"`
	Name        *string       `json:"name,omitempty"`
	Positive    *Bool         `json:"positive,omitempty"`
	Priority    *float64      `json:"priority,omitempty"`
	VMLabels    *LabelRefs    `json:"vm_labels,omitempty"`
	VMs         *VMRefs       `json:"vms,omitempty"`
	VMsRule     *AffinityRule `json:"vms_rule,omitempty"`
	Broken      *Bool         `json:"broken,omitempty"`
}

// AffinityRule is one of a group's two rules.
type AffinityRule struct {
	Enabled   *Bool `json:"enabled,omitempty"`
	Enforcing *Bool `json:"enforcing,omitempty"`
	Positive  *Bool `json:"positive,omitempty"`
}

// VMRefs is a list of references.
type VMRefs struct {
	VM []Ref `json:"vm,omitempty"`
}

// LabelRefs is a list of references.
type LabelRefs struct {
	AffinityLabel []Ref `json:"affinity_label,omitempty"`
}

// AffinityLabel marks VMs and hosts.
type AffinityLabel struct {
	Comment                  unused    `json:"comment,omitempty"`
	Description              unused    `json:"description,omitempty"`
	HasImplicitAffinityGroup *Bool     `json:"has_implicit_affinity_group,omitempty"`
	Hosts                    *HostRefs `json:"hosts,omitempty"`
	Href                     string    `json:"href,omitempty"`
	ID                       string    `json:"id,omitempty"`
	Link                     []Link    `json:"link,omitempty"`
	Name                     *string   `json:"name,omitempty"`
	ReadOnly                 *Bool     `json:"read_only,omitempty"`
	VMs                      *VMRefs   `json:"vms,omitempty"`
}

// GraphicsConsole is a screen; address and port are those of a VM that runs.
type GraphicsConsole struct {
	Address  *string `json:"address,omitempty"`
	Href     string  `json:"href,omitempty"`
	ID       string  `json:"id,omitempty"`
	Port     *Int    `json:"port,omitempty"`
	Protocol string  `json:"protocol,omitempty"`
	Template *Ref    `json:"template,omitempty"`
	TLSPort  *Int    `json:"tls_port,omitempty"`
	VM       *Ref    `json:"vm,omitempty"`

	Comment      unused `json:"comment,omitempty"`
	Description  unused `json:"description,omitempty"`
	InstanceType unused `json:"instance_type,omitempty"`
	Name         unused `json:"name,omitempty"`
}

// CDROM is the CD drive.
type CDROM struct {
	File     *File  `json:"file,omitempty"`
	Href     string `json:"href,omitempty"`
	ID       string `json:"id,omitempty"`
	Template *Ref   `json:"template,omitempty"`
	VM       *Ref   `json:"vm,omitempty"`

	Comment      unused `json:"comment,omitempty"`
	Description  unused `json:"description,omitempty"`
	InstanceType unused `json:"instance_type,omitempty"`
	Name         unused `json:"name,omitempty"`
	VMs          unused `json:"vms,omitempty"`
}

// File is an ISO image: a disk's id, or a file's name.
type File struct {
	Href string `json:"href,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`

	Comment       unused `json:"comment,omitempty"`
	Content       unused `json:"content,omitempty"`
	Description   unused `json:"description,omitempty"`
	StorageDomain unused `json:"storage_domain,omitempty"`
	Type          unused `json:"type,omitempty"`
}

// Snapshot is a point in a VM's life.
type Snapshot struct {
	Actions            *Links  `json:"actions,omitempty"`
	Date               *Millis `json:"date,omitempty"`
	Description        *string `json:"description,omitempty"`
	Href               string  `json:"href,omitempty"`
	ID                 string  `json:"id,omitempty"`
	Link               []Link  `json:"link,omitempty"`
	PersistMemorystate *Bool   `json:"persist_memorystate,omitempty"`
	SnapshotStatus     string  `json:"snapshot_status,omitempty"`
	SnapshotType       string  `json:"snapshot_type,omitempty"`
	VM                 *Ref    `json:"vm,omitempty"`

	Comment         unused `json:"comment,omitempty"`
	DiskAttachments unused `json:"disk_attachments,omitempty"`
	Disks           unused `json:"disks,omitempty"`
	Name            unused `json:"name,omitempty"`
}

// ReportedDevice is what a guest says of one of its network interfaces.
type ReportedDevice struct {
	Description string `json:"description"`
	Href        string `json:"href"`
	ID          string `json:"id"`
	IPs         *IPs   `json:"ips,omitempty"`
	MAC         *MAC   `json:"mac,omitempty"`
	Name        string `json:"name"`
	Type        string `json:"type"`
	VM          *Ref   `json:"vm,omitempty"`
}

// IPs is a list.
type IPs struct {
	IP []IP `json:"ip,omitempty"`
}

// Statistic is a figure about an object.
type Statistic struct {
	Description string           `json:"description"`
	Href        string           `json:"href"`
	ID          string           `json:"id"`
	Kind        string           `json:"kind"`
	Name        string           `json:"name"`
	NIC         *Ref             `json:"nic,omitempty"`
	Type        string           `json:"type"`
	Unit        string           `json:"unit"`
	Values      *StatisticValues `json:"values,omitempty"`
	VM          *Ref             `json:"vm,omitempty"`
}

// StatisticValues is a list.
type StatisticValues struct {
	Value []StatisticValue `json:"value,omitempty"`
}

// StatisticValue is one figure.
type StatisticValue struct {
	Datum float64 `json:"datum"`
}
