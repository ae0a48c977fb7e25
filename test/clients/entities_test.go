package clients

import (
	"slices"
	"testing"

	ovirtsdk "github.com/ovirt/go-ovirt"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func (w *world) system(t *testing.T) {
	answer, err := w.sdk.Get().Send()
	require.NoError(t, err)
	api := answer.MustApi()
	system := must(w.ours.System(t.Context()))(t)
	none := func(*ovirtsdk.ProductInfo) string { return "" }
	agree(t, []ovirt.System{*system}, []*ovirtsdk.ProductInfo{api.MustProductInfo()}, none, fields[*ovirtsdk.ProductInfo]{
		"Product":     func(p *ovirtsdk.ProductInfo) any { return of(p.Name()) },
		"Vendor":      func(p *ovirtsdk.ProductInfo) any { return of(p.Vendor()) },
		"FullVersion": func(p *ovirtsdk.ProductInfo) any { return of(p.MustVersion().FullVersion()) },
		"Major":       func(p *ovirtsdk.ProductInfo) any { return of(p.MustVersion().Major()) },
		"Minor":       func(p *ovirtsdk.ProductInfo) any { return of(p.MustVersion().Minor()) },
	})
	user := must(w.ours.CurrentUser(t.Context()))(t)
	agree(t, []ovirt.User{*user}, []*ovirtsdk.User{api.MustAuthenticatedUser()}, (*ovirtsdk.User).MustId, fields[*ovirtsdk.User]{
		"ID":   func(u *ovirtsdk.User) any { return of(u.Id()) },
		"Name": func(*ovirtsdk.User) any { return user.Name }, // engines give the id alone; our client fills the name in
	})
}

func (w *world) dataCenters(t *testing.T) {
	answer, err := w.sdk.DataCentersService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.DataCenters(t.Context()))(t), answer.MustDataCenters().Slice(), (*ovirtsdk.DataCenter).MustId, fields[*ovirtsdk.DataCenter]{
		"ID":     func(d *ovirtsdk.DataCenter) any { return of(d.Id()) },
		"Name":   func(d *ovirtsdk.DataCenter) any { return of(d.Name()) },
		"Status": func(d *ovirtsdk.DataCenter) any { return of(d.Status()) },
	})
}

// center is the id of the only data center.
func (w *world) center(t *testing.T) string { return must(w.ours.DataCenters(t.Context()))(t)[0].ID }

func (w *world) clusters(t *testing.T) {
	answer, err := w.sdk.ClustersService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Clusters(t.Context(), w.center(t)))(t), answer.MustClusters().Slice(), (*ovirtsdk.Cluster).MustId, fields[*ovirtsdk.Cluster]{
		"ID":           func(c *ovirtsdk.Cluster) any { return of(c.Id()) },
		"Name":         func(c *ovirtsdk.Cluster) any { return of(c.Name()) },
		"DataCenterID": func(c *ovirtsdk.Cluster) any { return idOf(c.DataCenter()) },
		"Architecture": func(c *ovirtsdk.Cluster) any { return of(c.MustCpu().Architecture()) },
		"CPUType":      func(c *ovirtsdk.Cluster) any { return of(c.MustCpu().Type()) },
	})
}

func (w *world) networks(t *testing.T) {
	answer, err := w.sdk.NetworksService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Networks(t.Context(), w.center(t)))(t), answer.MustNetworks().Slice(), (*ovirtsdk.Network).MustId, fields[*ovirtsdk.Network]{
		"ID":                 func(n *ovirtsdk.Network) any { return of(n.Id()) },
		"Name":               func(n *ovirtsdk.Network) any { return of(n.Name()) },
		"DataCenterID":       func(n *ovirtsdk.Network) any { return idOf(n.DataCenter()) },
		"ExternalProviderID": func(n *ovirtsdk.Network) any { return idOf(n.ExternalProvider()) },
	})
}

func (w *world) profiles(t *testing.T) {
	answer, err := w.sdk.VnicProfilesService().List().Send()
	require.NoError(t, err)
	var ours []ovirt.VNICProfile
	for _, n := range must(w.ours.Networks(t.Context(), w.center(t)))(t) {
		ours = append(ours, must(w.ours.VNICProfiles(t.Context(), n.ID))(t)...)
	}
	agree(t, ours, answer.MustProfiles().Slice(), (*ovirtsdk.VnicProfile).MustId, fields[*ovirtsdk.VnicProfile]{
		"ID":              func(p *ovirtsdk.VnicProfile) any { return of(p.Id()) },
		"Name":            func(p *ovirtsdk.VnicProfile) any { return of(p.Name()) },
		"NetworkID":       func(p *ovirtsdk.VnicProfile) any { return idOf(p.Network()) },
		"NetworkFilterID": func(p *ovirtsdk.VnicProfile) any { return idOf(p.NetworkFilter()) },
		"PassThrough": func(p *ovirtsdk.VnicProfile) any {
			return p.MustPassThrough().MustMode() == ovirtsdk.VNICPASSTHROUGHMODE_ENABLED
		},
	})
	for _, p := range ours {
		if p.NetworkFilterID == "" {
			continue
		}
		filter := must(w.ours.NetworkFilter(t.Context(), p.NetworkFilterID))(t)
		answer, err := w.sdk.NetworkFiltersService().NetworkFilterService(p.NetworkFilterID).Get().Send()
		require.NoError(t, err)
		agree(t, []ovirt.NetworkFilter{*filter}, []*ovirtsdk.NetworkFilter{answer.MustNetworkFilter()}, (*ovirtsdk.NetworkFilter).MustId,
			fields[*ovirtsdk.NetworkFilter]{
				"ID":   func(f *ovirtsdk.NetworkFilter) any { return of(f.Id()) },
				"Name": func(f *ovirtsdk.NetworkFilter) any { return of(f.Name()) },
			})
	}
}

func (w *world) templates(t *testing.T) {
	answer, err := w.sdk.TemplatesService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Templates(t.Context(), w.center(t)))(t), answer.MustTemplates().Slice(), (*ovirtsdk.Template).MustId, fields[*ovirtsdk.Template]{
		"ID":           func(o *ovirtsdk.Template) any { return of(o.Id()) },
		"Name":         func(o *ovirtsdk.Template) any { return of(o.Name()) },
		"Status":       func(o *ovirtsdk.Template) any { return of(o.Status()) },
		"Version":      func(o *ovirtsdk.Template) any { return of(o.MustVersion().VersionNumber()) },
		"VersionName":  func(o *ovirtsdk.Template) any { return of(o.MustVersion().VersionName()) },
		"BaseID":       func(o *ovirtsdk.Template) any { return idOf(o.MustVersion().BaseTemplate()) },
		"Description":  func(o *ovirtsdk.Template) any { return of(o.Description()) },
		"Comment":      func(o *ovirtsdk.Template) any { return of(o.Comment()) },
		"ClusterID":    func(o *ovirtsdk.Template) any { return idOf(o.Cluster()) },
		"OSType":       func(o *ovirtsdk.Template) any { return of(o.MustOs().Type()) },
		"BIOSType":     func(o *ovirtsdk.Template) any { return of(o.MustBios().Type()) },
		"Architecture": func(o *ovirtsdk.Template) any { return of(o.MustCpu().Architecture()) },
		"Memory":       func(o *ovirtsdk.Template) any { return of(o.Memory()) },
	})
}

func (w *world) storage(t *testing.T) {
	answer, err := w.sdk.DataCentersService().DataCenterService(w.center(t)).StorageDomainsService().List().Send()
	require.NoError(t, err)
	ours := must(w.ours.StorageDomains(t.Context(), w.center(t)))(t)
	agree(t, ours, answer.MustStorageDomains().Slice(), (*ovirtsdk.StorageDomain).MustId, fields[*ovirtsdk.StorageDomain]{
		"ID":        func(d *ovirtsdk.StorageDomain) any { return of(d.Id()) },
		"Name":      func(d *ovirtsdk.StorageDomain) any { return of(d.Name()) },
		"Type":      func(d *ovirtsdk.StorageDomain) any { return of(d.Type()) },
		"Status":    func(d *ovirtsdk.StorageDomain) any { return of(d.Status()) },
		"Available": func(d *ovirtsdk.StorageDomain) any { return of(d.Available()) },
		"Used":      func(d *ovirtsdk.StorageDomain) any { return of(d.Used()) },
	})
}

func (w *world) hosts(t *testing.T) {
	answer, err := w.sdk.HostsService().List().Send()
	require.NoError(t, err)
	cluster := must(w.ours.Clusters(t.Context(), w.center(t)))(t)[0].ID
	agree(t, must(w.ours.Hosts(t.Context(), cluster))(t), answer.MustHosts().Slice(), (*ovirtsdk.Host).MustId, fields[*ovirtsdk.Host]{
		"ID":        func(h *ovirtsdk.Host) any { return of(h.Id()) },
		"Name":      func(h *ovirtsdk.Host) any { return of(h.Name()) },
		"ClusterID": func(h *ovirtsdk.Host) any { return idOf(h.Cluster()) },
		"Status":    func(h *ovirtsdk.Host) any { return of(h.Status()) },
		"Memory":    func(h *ovirtsdk.Host) any { return of(h.Memory()) },
	})
}

func (w *world) virtualMachines(t *testing.T) {
	answer, err := w.sdk.VmsService().List().Send()
	require.NoError(t, err)
	ours := must(w.ours.VMs(t.Context(), ""))(t)
	require.True(t, slices.ContainsFunc(ours, func(v ovirt.VM) bool { return v.HasInitialization && v.HostID != "" }), "one runs with a boot document")
	agree(t, ours, answer.MustVms().Slice(), (*ovirtsdk.Vm).MustId, fields[*ovirtsdk.Vm]{
		"ID":                 func(v *ovirtsdk.Vm) any { return of(v.Id()) },
		"Name":               func(v *ovirtsdk.Vm) any { return of(v.Name()) },
		"Description":        func(v *ovirtsdk.Vm) any { return of(v.Description()) },
		"Comment":            func(v *ovirtsdk.Vm) any { return of(v.Comment()) },
		"Status":             func(v *ovirtsdk.Vm) any { return of(v.Status()) },
		"StatusDetail":       func(v *ovirtsdk.Vm) any { return of(v.StatusDetail()) },
		"StopReason":         func(v *ovirtsdk.Vm) any { return of(v.StopReason()) },
		"ClusterID":          func(v *ovirtsdk.Vm) any { return idOf(v.Cluster()) },
		"TemplateID":         func(v *ovirtsdk.Vm) any { return idOf(v.Template()) },
		"OriginalTemplateID": func(v *ovirtsdk.Vm) any { return idOf(v.OriginalTemplate()) },
		"HostID":             func(v *ovirtsdk.Vm) any { return idOf(v.Host()) },
		"Memory":             func(v *ovirtsdk.Vm) any { return of(v.Memory()) },
		"GuaranteedMemory":   func(v *ovirtsdk.Vm) any { return of(v.MustMemoryPolicy().Guaranteed()) },
		"MaxMemory":          func(v *ovirtsdk.Vm) any { return of(v.MustMemoryPolicy().Max()) },
		"CPU": func(v *ovirtsdk.Vm) any {
			topology := v.MustCpu().MustTopology()
			return ovirt.CPUTopology{Sockets: int(topology.MustSockets()), Cores: int(topology.MustCores()), Threads: int(topology.MustThreads())}
		},
		"Architecture": func(v *ovirtsdk.Vm) any { return of(v.MustCpu().Architecture()) },
		"OSType":       func(v *ovirtsdk.Vm) any { return of(v.MustOs().Type()) },
		"BIOSType":     func(v *ovirtsdk.Vm) any { return of(v.MustBios().Type()) },
		"Type":         func(v *ovirtsdk.Vm) any { return of(v.Type()) },
		"HostIDs": func(v *ovirtsdk.Vm) any {
			hosts, ok := v.MustPlacementPolicy().Hosts()
			if !ok {
				return []string{}
			}
			return idsOf(hosts.Slice())
		},
		"HighAvailability": func(v *ovirtsdk.Vm) any {
			if !v.MustHighAvailability().MustEnabled() {
				return nil
			}
			return ovirt.HighAvailability{Priority: int(v.MustHighAvailability().MustPriority())}
		},
		"LeaseStorageDomainID": func(v *ovirtsdk.Vm) any {
			lease, ok := v.Lease()
			if !ok {
				return ""
			}
			return idOf(lease.StorageDomain())
		},
		"DeleteProtected": func(v *ovirtsdk.Vm) any { return of(v.DeleteProtected()) },
		"QuotaID":         func(v *ovirtsdk.Vm) any { return idOf(v.Quota()) },
		"Display":         func(v *ovirtsdk.Vm) any { return of(v.MustDisplay().Type()) },
		"SerialConsole":   func(v *ovirtsdk.Vm) any { _, ok := v.Console(); return ok },
		"HasInitialization": func(v *ovirtsdk.Vm) any {
			i, ok := v.Initialization()
			return ok && of(i.CustomScript()) != ""
		},
	})
	for _, v := range answer.MustVms().Slice() {
		if v.MustName() == "xml" {
			require.Equal(t, "a: b\n", v.MustInitialization().MustCustomScript())
		}
	}
}

func nicFields() fields[*ovirtsdk.Nic] {
	return fields[*ovirtsdk.Nic]{
		"ID":            func(n *ovirtsdk.Nic) any { return of(n.Id()) },
		"Name":          func(n *ovirtsdk.Nic) any { return of(n.Name()) },
		"VNICProfileID": func(n *ovirtsdk.Nic) any { return idOf(n.VnicProfile()) },
		"Interface":     func(n *ovirtsdk.Nic) any { return of(n.Interface()) },
		"MAC": func(n *ovirtsdk.Nic) any {
			mac, ok := n.Mac()
			if !ok {
				return ""
			}
			return of(mac.Address())
		},
	}
}

func attachmentFields() fields[*ovirtsdk.DiskAttachment] {
	return fields[*ovirtsdk.DiskAttachment]{
		"ID":        func(a *ovirtsdk.DiskAttachment) any { return of(a.Id()) },
		"DiskID":    func(a *ovirtsdk.DiskAttachment) any { return idOf(a.Disk()) },
		"Interface": func(a *ovirtsdk.DiskAttachment) any { return of(a.Interface()) },
		"Bootable":  func(a *ovirtsdk.DiskAttachment) any { return of(a.Bootable()) },
		"Active":    func(a *ovirtsdk.DiskAttachment) any { return of(a.Active()) },
	}
}

func (w *world) devices(t *testing.T) {
	for _, id := range w.vms {
		vm := w.sdk.VmsService().VmService(id)
		nics, err := vm.NicsService().List().Send()
		require.NoError(t, err)
		agree(t, must(w.ours.NICs(t.Context(), id))(t), nics.MustNics().Slice(), (*ovirtsdk.Nic).MustId, nicFields())
		attachments, err := vm.DiskAttachmentsService().List().Send()
		require.NoError(t, err)
		agree(t, must(w.ours.DiskAttachments(t.Context(), id))(t), attachments.MustAttachments().Slice(), (*ovirtsdk.DiskAttachment).MustId, attachmentFields())
	}
	id := must(w.ours.TemplateByName(t.Context(), w.center(t), "two"))(t).ID
	template := w.sdk.TemplatesService().TemplateService(id)
	nics, err := template.NicsService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.TemplateNICs(t.Context(), id))(t), nics.MustNics().Slice(), (*ovirtsdk.Nic).MustId, nicFields())
	attachments, err := template.DiskAttachmentsService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.TemplateDisks(t.Context(), id))(t), attachments.MustAttachments().Slice(), (*ovirtsdk.DiskAttachment).MustId, attachmentFields())
}

func (w *world) disks(t *testing.T) {
	answer, err := w.sdk.DisksService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Disks(t.Context(), ""))(t), answer.MustDisks().Slice(), (*ovirtsdk.Disk).MustId, fields[*ovirtsdk.Disk]{
		"ID":              func(d *ovirtsdk.Disk) any { return of(d.Id()) },
		"Name":            func(d *ovirtsdk.Disk) any { return of(d.Name()) },
		"Description":     func(d *ovirtsdk.Disk) any { return of(d.Description()) },
		"Status":          func(d *ovirtsdk.Disk) any { return of(d.Status()) },
		"ProvisionedSize": func(d *ovirtsdk.Disk) any { return of(d.ProvisionedSize()) },
		"ActualSize":      func(d *ovirtsdk.Disk) any { return of(d.ActualSize()) },
		"Format":          func(d *ovirtsdk.Disk) any { return of(d.Format()) },
		"Sparse":          func(d *ovirtsdk.Disk) any { return of(d.Sparse()) },
		"QuotaID":         func(d *ovirtsdk.Disk) any { return idOf(d.Quota()) },
		"StorageDomainIDs": func(d *ovirtsdk.Disk) any {
			var ids []string
			for _, domain := range d.MustStorageDomains().Slice() {
				ids = append(ids, domain.MustId())
			}
			return ids
		},
	})
}

func (w *world) transfers(t *testing.T) {
	answer, err := w.sdk.ImageTransfersService().List().Send()
	require.NoError(t, err)
	ours := must(w.ours.ImageTransfers(t.Context()))(t)
	require.NotEmpty(t, ours[0].TransferURL)
	agree(t, ours, answer.MustImageTransfer().Slice(), (*ovirtsdk.ImageTransfer).MustId, fields[*ovirtsdk.ImageTransfer]{
		"ID":          func(i *ovirtsdk.ImageTransfer) any { return of(i.Id()) },
		"DiskID":      func(i *ovirtsdk.ImageTransfer) any { return idOf(i.Image()) },
		"HostID":      func(i *ovirtsdk.ImageTransfer) any { return idOf(i.Host()) },
		"Direction":   func(i *ovirtsdk.ImageTransfer) any { return of(i.Direction()) },
		"Format":      func(i *ovirtsdk.ImageTransfer) any { return of(i.Format()) },
		"Phase":       func(i *ovirtsdk.ImageTransfer) any { return of(i.Phase()) },
		"TransferURL": func(i *ovirtsdk.ImageTransfer) any { return of(i.TransferUrl()) },
		"ProxyURL":    func(i *ovirtsdk.ImageTransfer) any { return of(i.ProxyUrl()) },
		"Transferred": func(i *ovirtsdk.ImageTransfer) any { return of(i.Transferred()) },
	})
}

func (w *world) jobs(t *testing.T) {
	answer, err := w.sdk.JobsService().List().Search("correlation_id=one").Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Jobs(t.Context(), "one"))(t), answer.MustJobs().Slice(), (*ovirtsdk.Job).MustId, fields[*ovirtsdk.Job]{
		"ID":          func(j *ovirtsdk.Job) any { return of(j.Id()) },
		"Description": func(j *ovirtsdk.Job) any { return of(j.Description()) },
		"Status":      func(j *ovirtsdk.Job) any { return of(j.Status()) },
	})
	job := answer.MustJobs().Slice()[0]
	require.WithinDuration(t, job.MustStartTime(), job.MustEndTime(), job.MustEndTime().Sub(job.MustStartTime()), "both dates are read")
	events, err := w.sdk.EventsService().List().Search("correlation_id=one").Send()
	require.NoError(t, err)
	require.NotEmpty(t, events.MustEvents().Slice())
}

func (w *world) permissions(t *testing.T) {
	users, err := w.sdk.UsersService().List().Search("usrname=operator@internal").Send()
	require.NoError(t, err)
	id := users.MustUsers().Slice()[0].MustId()
	answer, err := w.sdk.UsersService().UserService(id).PermissionsService().List().Send()
	require.NoError(t, err)
	on := func(p *ovirtsdk.Permission) (kind, id string) {
		for kind, id := range map[string]string{
			ovirt.OnDataCenter: idOf(p.DataCenter()), ovirt.OnCluster: idOf(p.Cluster()), ovirt.OnTemplate: idOf(p.Template()),
			ovirt.OnStorageDomain: idOf(p.StorageDomain()), ovirt.OnHost: idOf(p.Host()), ovirt.OnVM: idOf(p.Vm()), ovirt.OnVMPool: idOf(p.VmPool()),
			ovirt.OnDisk: idOf(p.Disk()),
		} {
			if id != "" {
				return kind, id
			}
		}
		return ovirt.OnSystem, ""
	}
	ours := must(w.ours.Permissions(t.Context(), id))(t)
	require.Len(t, ours, len(answer.MustPermissions().Slice()))
	for i, p := range answer.MustPermissions().Slice() { // they have no id in our client: the order is the engine's
		agree(t, ours[i:i+1], []*ovirtsdk.Permission{p}, (*ovirtsdk.Permission).MustId, fields[*ovirtsdk.Permission]{
			"RoleID":     func(p *ovirtsdk.Permission) any { return idOf(p.Role()) },
			"ObjectType": func(p *ovirtsdk.Permission) any { kind, _ := on(p); return kind },
			"ObjectID":   func(p *ovirtsdk.Permission) any { _, id := on(p); return id },
		})
		permits, err := w.sdk.RolesService().RoleService(idOf(p.Role())).PermitsService().List().Send()
		require.NoError(t, err)
		var names []string
		for _, permit := range permits.MustPermits().Slice() {
			names = append(names, permit.MustName())
		}
		require.Equal(t, must(w.ours.Permits(t.Context(), idOf(p.Role())))(t), names)
	}
}
