package rest

// CPUProfile limits what VMs of a cluster may use.
type CPUProfile struct {
	Cluster     Ref    `json:"cluster"`
	Comment     string `json:"comment"`
	Description string `json:"description"`
	Href        string `json:"href"`
	ID          string `json:"id"`
	Link        []Link `json:"link"`
	Name        string `json:"name"`
}

// OperatingSystem is a type of operating system.
type OperatingSystem struct {
	Architecture string `json:"architecture"`
	Description  string `json:"description"`
	Href         string `json:"href"`
	ID           string `json:"id"`
	Name         string `json:"name"`
	TPMSupport   string `json:"tpm_support"`
}

// MACPool is where MAC addresses come from.
type MACPool struct {
	AllowDuplicates Bool      `json:"allow_duplicates"`
	DefaultPool     Bool      `json:"default_pool"`
	Description     string    `json:"description"`
	Href            string    `json:"href"`
	ID              string    `json:"id"`
	Link            []Link    `json:"link"`
	Name            string    `json:"name"`
	Ranges          MACRanges `json:"ranges"`
}

// MACRanges is a list.
type MACRanges struct {
	Range []MACRange `json:"range"`
}

// MACRange is from one address to another.
type MACRange struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Group is a group of users in a directory.
type Group struct {
	DomainEntryID string `json:"domain_entry_id"`
	Href          string `json:"href"`
	ID            string `json:"id"`
	Link          []Link `json:"link"`
	Name          string `json:"name"`
	Namespace     string `json:"namespace"`
}

// Domain is a directory of users.
type Domain struct {
	Href string `json:"href"`
	ID   string `json:"id"`
	Link []Link `json:"link"`
	Name string `json:"name"`
}

// SystemOption is a value of the engine's configuration, for each compatibility version.
type SystemOption struct {
	Href   string             `json:"href"`
	ID     string             `json:"id"`
	Name   string             `json:"name"`
	Values SystemOptionValues `json:"values"`
}

// SystemOptionValues is a list.
type SystemOptionValues struct {
	SystemOptionValue []SystemOptionValue `json:"system_option_value"`
}

// SystemOptionValue is the value of one version.
type SystemOptionValue struct {
	Value   string `json:"value"`
	Version string `json:"version"`
}
