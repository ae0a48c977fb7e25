package ovirt

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// AffinityRule is one of the two rules of an affinity group.
type AffinityRule struct {
	Enabled bool
	// Positive means together, otherwise apart.
	Positive bool
	// Enforcing means that a VM does not start where the rule would be broken (hard), otherwise the engine does what it can (soft).
	Enforcing bool
}

// AffinityGroup says which VMs of a cluster run together or apart, and on which hosts.
type AffinityGroup struct {
	ID, Name, Description, ClusterID string
	Priority                         float64 // of groups that contradict each other; 0 leaves the engine's 1
	VMsRule                          AffinityRule
	HostsRule                        AffinityRule // about the VMs and the hosts in the group
	VMIDs, HostIDs                   []string
	VMLabelIDs, HostLabelIDs         []string // affinity labels, which stand for the VMs and hosts that have them
	// Broken: a member runs where one of the rules does not want it. Engines compute it for reads only, old ones not at all.
	Broken bool
}

// AffinityGroupUpdate is what may change of an affinity group; nil leaves it as it is.
type AffinityGroupUpdate struct {
	Name, Description  *string
	Priority           *float64
	VMsRule, HostsRule *AffinityRule
}

// AffinityLabel marks VMs and hosts.
type AffinityLabel struct {
	ID, Name       string
	Implicit       bool // the VMs that have the label run only on the hosts that have it
	VMIDs, HostIDs []string
}

// AffinityGroups lists the affinity groups of a cluster with their members, with one call.
func (c *Client) AffinityGroups(ctx context.Context, clusterID string) ([]AffinityGroup, error) {
	return list(ctx, c, request{
		name: "affinitygroups.list", operation: "list affinity groups of cluster", object: clusterID,
		method: http.MethodGet, path: affinityGroupsPath(clusterID),
	}, "affinity_group", affinityGroupOf)
}

// AddAffinityGroup makes an affinity group in the cluster g.ClusterID; the engine chooses the id. Exists means that the name is
// taken, which is unique in the engine, not in the cluster only (AddAffinityGroupCommand).
func (c *Client) AddAffinityGroup(ctx context.Context, g AffinityGroup) (*AffinityGroup, error) {
	group, err := one(ctx, c, request{
		name: "affinitygroups.add", operation: "add affinity group", object: g.Name,
		method: http.MethodPost, path: affinityGroupsPath(g.ClusterID), body: g.wire(),
	}, affinityGroupOf)
	return group, refusedEdit(err)
}

// UpdateAffinityGroup changes an affinity group. The engine writes the whole group back, with the members that it read just
// before, so an edit of the members at the same time can be lost (BackendAffinityGroupResource).
func (c *Client) UpdateAffinityGroup(ctx context.Context, clusterID, id string, update AffinityGroupUpdate) (*AffinityGroup, error) {
	group, err := one(ctx, c, request{
		name: "affinitygroups.update", operation: "update affinity group", object: id,
		method: http.MethodPut, path: affinityGroupsPath(clusterID, id), body: update.wire(),
	}, affinityGroupOf)
	return group, refusedEdit(err)
}

// RemoveAffinityGroup removes an affinity group; its members stay.
func (c *Client) RemoveAffinityGroup(ctx context.Context, clusterID, id string) error {
	return refusedEdit(c.do(ctx, request{
		name: "affinitygroups.remove", operation: "remove affinity group", object: id,
		method: http.MethodDelete, path: affinityGroupsPath(clusterID, id),
	}, nil))
}

// AddVMToAffinityGroup makes a VM a member: Exists when it is one, NotFound when the group or the VM is not there, Conflict when
// the group is edited by somebody else at the same time. Rules that are enforced hold from the VM's next start on.
func (c *Client) AddVMToAffinityGroup(ctx context.Context, clusterID, groupID, vmID string) error {
	r := request{
		name: "affinitygroups.vms.add", operation: "add VM " + vmID + " to affinity group", object: groupID,
		method: http.MethodPost, path: affinityGroupsPath(clusterID, groupID, "vms"), body: reference{vmID},
	}
	if vmID == "" {
		return r.invalid("the id of the VM is empty")
	}
	return refusedEdit(c.do(ctx, r, nil))
}

// RemoveVMFromAffinityGroup ends a membership: NotFound when the VM is no member, Conflict as in AddVMToAffinityGroup.
func (c *Client) RemoveVMFromAffinityGroup(ctx context.Context, clusterID, groupID, vmID string) error {
	return refusedEdit(c.do(ctx, request{
		name: "affinitygroups.vms.remove", operation: "remove VM " + vmID + " from affinity group", object: groupID,
		method: http.MethodDelete, path: affinityGroupsPath(clusterID, groupID, "vms", vmID),
	}, nil))
}

// AffinityLabels lists the affinity labels with the VMs and hosts that have them, with one call.
func (c *Client) AffinityLabels(ctx context.Context) ([]AffinityLabel, error) {
	return list(ctx, c, request{
		name: "affinitylabels.list", operation: "list affinity labels", method: http.MethodGet, path: []string{"affinitylabels"},
		// The label itself does not say who has it (AffinityLabelMapper).
		query: url.Values{"follow": {"vms,hosts"}},
	}, "affinity_label", affinityLabelOf)
}

// AddVMToAffinityLabel gives a VM an affinity label, which it may have already.
func (c *Client) AddVMToAffinityLabel(ctx context.Context, labelID, vmID string) error {
	r := request{
		name: "affinitylabels.vms.add", operation: "give VM " + vmID + " affinity label", object: labelID,
		method: http.MethodPost, path: []string{"affinitylabels", labelID, "vms"}, body: reference{vmID},
	}
	if vmID == "" {
		return r.invalid("the id of the VM is empty")
	}
	return c.do(ctx, r, nil)
}

// RemoveVMFromAffinityLabel takes an affinity label away from a VM; NotFound when it does not have it.
func (c *Client) RemoveVMFromAffinityLabel(ctx context.Context, labelID, vmID string) error {
	return c.do(ctx, request{
		name: "affinitylabels.vms.remove", operation: "take from VM " + vmID + " affinity label", object: labelID,
		method: http.MethodDelete, path: []string{"affinitylabels", labelID, "vms", vmID},
	}, nil)
}

func affinityGroupsPath(clusterID string, below ...string) []string {
	return append([]string{"clusters", clusterID, "affinitygroups"}, below...)
}

// refusedEdit makes a failure while an edit ran a Conflict: engines take no lock for affinity groups, so of two edits at the same
// time one fails in the database, as a 400 with nothing but "Internal Engine Error" (oVirt/terraform-provider-ovirt#266).
func refusedEdit(err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok || failure.Kind != Unavailable || failure.Status != http.StatusBadRequest || failure.Err != nil {
		return err
	}
	conflict := *failure
	conflict.Kind = Conflict
	return &conflict
}
