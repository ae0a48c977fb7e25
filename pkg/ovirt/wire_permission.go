package ovirt

// wireAuthenticated is the part of the API's root that says who asks.
type wireAuthenticated struct {
	User struct {
		ID   string `json:"id"`
		Name string `json:"user_name"`
	} `json:"authenticated_user"`
}

// wirePermission names its object in the field of the object's type.
type wirePermission struct {
	Role          *reference `json:"role"`
	DataCenter    *reference `json:"data_center"`
	Cluster       *reference `json:"cluster"`
	Template      *reference `json:"template"`
	StorageDomain *reference `json:"storage_domain"`
	VNICProfile   *reference `json:"vnic_profile"`
	Host          *reference `json:"host"`
	VM            *reference `json:"vm"`
	VMPool        *reference `json:"vm_pool"`
	Disk          *reference `json:"disk"`
}

func permissionOf(w *wirePermission) Permission {
	p := Permission{RoleID: w.Role.id(), ObjectType: OnSystem}
	for _, object := range []struct {
		objectType string
		reference  *reference
	}{
		{OnDataCenter, w.DataCenter},
		{OnCluster, w.Cluster},
		{OnTemplate, w.Template},
		{OnStorageDomain, w.StorageDomain},
		{OnVNICProfile, w.VNICProfile},
		{OnHost, w.Host},
		{OnVM, w.VM},
		{OnVMPool, w.VMPool},
		{OnDisk, w.Disk},
	} {
		if object.reference != nil {
			p.ObjectType, p.ObjectID = object.objectType, object.reference.ID
		}
	}
	return p
}
