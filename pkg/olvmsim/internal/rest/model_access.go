package rest

// User is an account.
type User struct {
	Domain    Ref    `json:"domain"`
	Href      string `json:"href"`
	ID        string `json:"id"`
	Link      []Link `json:"link"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Principal string `json:"principal"`
	UserName  string `json:"user_name"`
}

// Permission gives a user a role on one object; without an object it is on the system.
type Permission struct {
	Cluster       *Ref   `json:"cluster,omitempty"`
	DataCenter    *Ref   `json:"data_center,omitempty"`
	Disk          *Ref   `json:"disk,omitempty"`
	Host          *Ref   `json:"host,omitempty"`
	Href          string `json:"href"`
	ID            string `json:"id"`
	Network       *Ref   `json:"network,omitempty"`
	Role          Ref    `json:"role"`
	StorageDomain *Ref   `json:"storage_domain,omitempty"`
	Template      *Ref   `json:"template,omitempty"`
	User          Ref    `json:"user"`
	VM            *Ref   `json:"vm,omitempty"`
	VNICProfile   *Ref   `json:"vnic_profile,omitempty"`
}

// Role is a set of permits.
type Role struct {
	Administrative Bool   `json:"administrative"`
	Href           string `json:"href"`
	ID             string `json:"id"`
	Link           []Link `json:"link"`
	Mutable        Bool   `json:"mutable"`
	Name           string `json:"name"`
}

// Permit allows one kind of command. A real engine's ids of permits are numbers.
type Permit struct {
	Administrative Bool   `json:"administrative"`
	Href           string `json:"href"`
	ID             string `json:"id"`
	Name           string `json:"name"`
	Role           Ref    `json:"role"`
}

// NetworkFilter is a set of packet rules.
type NetworkFilter struct {
	Href    string  `json:"href"`
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Version Version `json:"version"`
}
