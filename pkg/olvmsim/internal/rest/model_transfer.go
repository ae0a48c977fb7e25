package rest

// ImageTransfer moves the bytes of a disk. The inactivity time-out is in seconds.
type ImageTransfer struct {
	Actions           *Links `json:"actions,omitempty"`
	Active            *Bool  `json:"active,omitempty"`
	Direction         string `json:"direction,omitempty"`
	Disk              *Disk  `json:"disk,omitempty"`
	Format            string `json:"format,omitempty"`
	Host              *Ref   `json:"host,omitempty"`
	Href              string `json:"href,omitempty"`
	ID                string `json:"id,omitempty"`
	Image             *Ref   `json:"image,omitempty"`
	InactivityTimeout *Int   `json:"inactivity_timeout,omitempty"`
	Phase             string `json:"phase,omitempty"`
	ProxyURL          string `json:"proxy_url,omitempty"`
	Shallow           *Bool  `json:"shallow,omitempty"`
	Snapshot          *Ref   `json:"snapshot,omitempty"`
	TimeoutPolicy     string `json:"timeout_policy,omitempty"`
	TransferURL       string `json:"transfer_url,omitempty"`
	Transferred       *Int   `json:"transferred,omitempty"`

	Backup      unused `json:"backup,omitempty"`
	Comment     unused `json:"comment,omitempty"`
	Description unused `json:"description,omitempty"`
	Link        unused `json:"link,omitempty"`
	Name        unused `json:"name,omitempty"`
}

// Quota limits what a data center's users may use. Percentages are of the limits.
type Quota struct {
	ClusterHardLimitPct Int    `json:"cluster_hard_limit_pct"`
	ClusterSoftLimitPct Int    `json:"cluster_soft_limit_pct"`
	DataCenter          Ref    `json:"data_center"`
	Description         string `json:"description"`
	Href                string `json:"href"`
	ID                  string `json:"id"`
	Link                []Link `json:"link"`
	Name                string `json:"name"`
	StorageHardLimitPct Int    `json:"storage_hard_limit_pct"`
	StorageSoftLimitPct Int    `json:"storage_soft_limit_pct"`
}

// DiskProfile is the quality of service of a storage domain's disks; each domain has one, under its own id and name.
type DiskProfile struct {
	Comment       string `json:"comment"`
	Description   string `json:"description"`
	Href          string `json:"href"`
	ID            string `json:"id"`
	Link          []Link `json:"link"`
	Name          string `json:"name"`
	StorageDomain Ref    `json:"storage_domain"`
}
