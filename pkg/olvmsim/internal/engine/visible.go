package engine

// Visible is what a user sees in filtered answers.
type Visible map[Object]bool

// Visible finds what a user sees, by the rules of the engine's user_*_permissions_view: what a role was given on, much of
// what is around it, and, if one of the role's permits shows it, what is below. Roles for administrators do not count.
func (e *Engine) Visible(userID string) Visible {
	e.mu.Lock()
	defer e.mu.Unlock()
	visible := Visible{}
	for _, p := range e.permissions {
		role := e.role(p.RoleID)
		if p.UserID != userID || role.Administrative {
			continue
		}
		if p.On.Type != TypeSystem {
			visible[p.On] = true
		}
		e.showAround(visible, p.On)
		if role.viewsChildren() {
			e.showBelow(visible, p.On)
		}
	}
	e.showParts(visible)
	return visible
}

// showAround shows what any role on the object shows.
func (e *Engine) showAround(visible Visible, o Object) {
	switch o.Type {
	case TypeSystem:
		for _, d := range e.dataCenters {
			visible[Object{TypeDataCenter, d.ID}] = true
			e.showInDataCenter(visible, d.ID)
		}
	case TypeDataCenter:
		e.showInDataCenter(visible, o.ID)
	case TypeCluster:
		visible[Object{TypeDataCenter, e.clusterByID(o.ID).DataCenterID}] = true
		e.showHosts(visible, o.ID)
	case TypeVM:
		v := e.vms[o.ID]
		dc := e.clusterByID(v.ClusterID).DataCenterID
		visible[Object{TypeDataCenter, dc}], visible[Object{TypeCluster, v.ClusterID}] = true, true
		visible[Object{TypeTemplate, v.TemplateID}] = true
		e.showStorage(visible, dc)
		showProfiles(visible, v.NICs)
	case TypeTemplate:
		t := e.templates[o.ID]
		visible[Object{TypeCluster, t.ClusterID}] = true
		for _, a := range t.Disks {
			visible[Object{TypeStorageDomain, e.disks[a.DiskID].StorageDomainID}] = true
		}
		showProfiles(visible, t.NICs)
	}
}

// showBelow shows what a role on the object shows in addition if it lets its users see what is below.
func (e *Engine) showBelow(visible Visible, o Object) {
	switch o.Type {
	case TypeSystem, TypeDataCenter, TypeCluster, TypeStorageDomain, TypeNetwork:
	default:
		return
	}
	in := func(dataCenterID, clusterID string) bool {
		return o.Type == TypeSystem || o == Object{TypeDataCenter, dataCenterID} || o == Object{TypeCluster, clusterID}
	}
	for _, v := range e.vms {
		if in(e.clusterByID(v.ClusterID).DataCenterID, v.ClusterID) {
			visible[Object{TypeVM, v.ID}] = true
		}
	}
	for _, t := range e.templates {
		if in(e.clusterByID(t.ClusterID).DataCenterID, "") {
			visible[Object{TypeTemplate, t.ID}] = true
		}
	}
	for _, d := range e.disks {
		sd, _ := e.storageDomainByRef(Ref{ID: d.StorageDomainID})
		if in(sd.DataCenterID, "") || o == (Object{TypeStorageDomain, sd.ID}) {
			visible[Object{TypeDisk, d.ID}] = true
		}
	}
	clusterDC := ""
	if o.Type == TypeCluster {
		clusterDC = e.clusterByID(o.ID).DataCenterID
	}
	for _, n := range e.networks {
		if !in(n.DataCenterID, "") && n.DataCenterID != clusterDC && o != (Object{TypeNetwork, n.ID}) {
			continue
		}
		visible[Object{TypeNetwork, n.ID}] = true
		for _, p := range e.profiles {
			if p.NetworkID == n.ID {
				visible[Object{TypeVNICProfile, p.ID}] = true
			}
		}
	}
}

// showParts shows what belongs to something visible: the disks of VMs and templates, the networks of vNIC profiles.
func (e *Engine) showParts(visible Visible) {
	for _, v := range e.vms {
		if visible[Object{TypeVM, v.ID}] {
			showDisks(visible, v.Disks)
		}
	}
	for _, t := range e.templates {
		if visible[Object{TypeTemplate, t.ID}] {
			showDisks(visible, t.Disks)
		}
	}
	for _, p := range e.profiles {
		if visible[Object{TypeVNICProfile, p.ID}] {
			visible[Object{TypeNetwork, p.NetworkID}] = true
		}
	}
}

func (e *Engine) showInDataCenter(visible Visible, dataCenterID string) {
	for _, c := range e.clusters {
		if c.DataCenterID == dataCenterID {
			visible[Object{TypeCluster, c.ID}] = true
			e.showHosts(visible, c.ID)
		}
	}
	e.showStorage(visible, dataCenterID)
}

func (e *Engine) showHosts(visible Visible, clusterID string) {
	for _, h := range e.hosts {
		if h.ClusterID == clusterID {
			visible[Object{TypeHost, h.ID}] = true
		}
	}
}

func (e *Engine) showStorage(visible Visible, dataCenterID string) {
	for _, s := range e.storageDomains {
		if s.DataCenterID == dataCenterID {
			visible[Object{TypeStorageDomain, s.ID}] = true
		}
	}
}

func showDisks(visible Visible, attachments []Attachment) {
	for _, a := range attachments {
		visible[Object{TypeDisk, a.DiskID}] = true
	}
}

func showProfiles(visible Visible, nics []NIC) {
	for _, n := range nics {
		if n.ProfileID != "" {
			visible[Object{TypeVNICProfile, n.ProfileID}] = true
		}
	}
}
