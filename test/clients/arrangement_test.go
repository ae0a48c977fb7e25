package clients

import (
	"testing"

	ovirtsdk "github.com/ovirt/go-ovirt"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func (w *world) tags(t *testing.T) {
	fields := fields[*ovirtsdk.Tag]{
		"ID":          func(o *ovirtsdk.Tag) any { return of(o.Id()) },
		"Name":        func(o *ovirtsdk.Tag) any { return of(o.Name()) },
		"Description": func(o *ovirtsdk.Tag) any { return of(o.Description()) },
		"ParentID":    func(o *ovirtsdk.Tag) any { return idOf(o.Parent()) },
	}
	answer, err := w.sdk.TagsService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.Tags(t.Context()))(t), answer.MustTags().Slice(), (*ovirtsdk.Tag).MustId, fields)
	ofVM, err := w.sdk.VmsService().VmService(w.vms[0]).TagsService().List().Send()
	require.NoError(t, err)
	agree(t, must(w.ours.VMTags(t.Context(), w.vms[0]))(t), ofVM.MustTags().Slice(), (*ovirtsdk.Tag).MustId, fields)
}

func (w *world) quotas(t *testing.T) {
	answer, err := w.sdk.DataCentersService().DataCenterService(w.center(t)).QuotasService().List().Send()
	require.NoError(t, err)
	ours := must(w.ours.QuotaByName(t.Context(), w.center(t), "Default"))(t)
	agree(t, []ovirt.DataCenterQuota{*ours}, answer.MustQuotas().Slice(), (*ovirtsdk.Quota).MustId, fields[*ovirtsdk.Quota]{
		"ID":           func(q *ovirtsdk.Quota) any { return of(q.Id()) },
		"Name":         func(q *ovirtsdk.Quota) any { return of(q.Name()) },
		"DataCenterID": func(q *ovirtsdk.Quota) any { return idOf(q.DataCenter()) },
	})
}

func (w *world) affinity(t *testing.T) {
	cluster := must(w.ours.Clusters(t.Context(), w.center(t)))(t)[0].ID
	answer, err := w.sdk.ClustersService().ClusterService(cluster).AffinityGroupsService().List().Send()
	require.NoError(t, err)
	rule := func(r *ovirtsdk.AffinityRule) any {
		return ovirt.AffinityRule{Enabled: r.MustEnabled(), Positive: r.MustPositive(), Enforcing: r.MustEnforcing()}
	}
	ours := must(w.ours.AffinityGroups(t.Context(), cluster))(t)
	require.NotEmpty(t, ours[0].VMIDs)
	agree(t, ours, answer.MustGroups().Slice(), (*ovirtsdk.AffinityGroup).MustId, fields[*ovirtsdk.AffinityGroup]{
		"ID":           func(g *ovirtsdk.AffinityGroup) any { return of(g.Id()) },
		"Name":         func(g *ovirtsdk.AffinityGroup) any { return of(g.Name()) },
		"Description":  func(g *ovirtsdk.AffinityGroup) any { return of(g.Description()) },
		"ClusterID":    func(g *ovirtsdk.AffinityGroup) any { return idOf(g.Cluster()) },
		"Priority":     func(g *ovirtsdk.AffinityGroup) any { return of(g.Priority()) },
		"VMsRule":      func(g *ovirtsdk.AffinityGroup) any { return rule(g.MustVmsRule()) },
		"HostsRule":    func(g *ovirtsdk.AffinityGroup) any { return rule(g.MustHostsRule()) },
		"VMIDs":        func(g *ovirtsdk.AffinityGroup) any { return idsOf(g.MustVms().Slice()) },
		"HostIDs":      func(g *ovirtsdk.AffinityGroup) any { return idsOf(g.MustHosts().Slice()) },
		"VMLabelIDs":   func(g *ovirtsdk.AffinityGroup) any { return idsOf(g.MustVmLabels().Slice()) },
		"HostLabelIDs": func(g *ovirtsdk.AffinityGroup) any { return idsOf(g.MustHostLabels().Slice()) },
		"Broken":       func(*ovirtsdk.AffinityGroup) any { return false }, // this version of the SDK does not know it
	})
	labels, err := w.sdk.AffinityLabelsService().List().Follow("vms,hosts").Send()
	require.NoError(t, err)
	agree(t, must(w.ours.AffinityLabels(t.Context()))(t), labels.MustLabels().Slice(), (*ovirtsdk.AffinityLabel).MustId, fields[*ovirtsdk.AffinityLabel]{
		"ID":       func(l *ovirtsdk.AffinityLabel) any { return of(l.Id()) },
		"Name":     func(l *ovirtsdk.AffinityLabel) any { return of(l.Name()) },
		"Implicit": func(l *ovirtsdk.AffinityLabel) any { return of(l.HasImplicitAffinityGroup()) },
		"VMIDs":    func(l *ovirtsdk.AffinityLabel) any { return idsOf(l.MustVms().Slice()) },
		"HostIDs":  func(l *ovirtsdk.AffinityLabel) any { return idsOf(l.MustHosts().Slice()) },
	})
}
