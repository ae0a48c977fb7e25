package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestWhereAVMIsPutBeforeItStarts(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	mark := GroupMark{Cluster: "ocne/demo", Group: "demo-md-0"}
	soft := Siblings{Name: "g", Mark: mark}
	hard := Siblings{Name: "g", Mark: mark, Hard: true}
	group := func(description string, vms ...string) *ovirt.AffinityGroup {
		return &ovirt.AffinityGroup{ID: "1", Name: "g", Description: description, VMIDs: vms}
	}
	forbidden := &ovirt.Error{Kind: ovirt.Forbidden, Operation: "add affinity group", Detail: "not authorized"}
	elsewhere := &ovirt.Error{Kind: ovirt.Exists}
	for _, test := range []struct {
		name     string
		siblings Siblings
		labels   []string
		see      Observation
		action   Action
		reason   string
		alone    string
	}{
		{name: "a machine without siblings is started", action: Start, reason: infrav1.StartingReason},
		{name: "the first VM makes the group", siblings: soft, action: JoinGroup, reason: infrav1.CreatingReason},
		{name: "a further one joins", siblings: soft, see: Observation{Group: group(mark.Text(), "other")}, action: JoinGroup, reason: infrav1.CreatingReason},
		{name: "a member is started", siblings: hard, see: Observation{Group: group(mark.Text(), "vm")}, action: Start, reason: infrav1.StartingReason},
		{name: "soft does without a group that is not ours", siblings: soft, see: Observation{Group: group("", "vm")},
			action: Start, reason: infrav1.StartingReason, alone: "affinity group g is not ours"},
		{name: "hard waits for it", siblings: hard, see: Observation{Group: group("", "vm")}, reason: infrav1.AffinityGroupNotOursReason},
		{name: "a group of another cluster of ours is not ours", siblings: hard, reason: infrav1.AffinityGroupNotOursReason,
			see: Observation{Group: group(GroupMark{Cluster: "a/b", Group: mark.Group}.Text())}},
		{name: "hard waits for a name that is taken elsewhere", siblings: hard, see: Observation{NoGroup: elsewhere}, reason: infrav1.AffinityGroupNotOursReason},
		{name: "soft does without what it may not edit", siblings: soft, see: Observation{NoGroup: forbidden},
			action: Start, reason: infrav1.StartingReason, alone: "not authorized"},
		{name: "hard waits for the permission", siblings: hard, see: Observation{NoGroup: forbidden}, reason: infrav1.PermissionMissingReason},
		{name: "a VM gets its labels, too", siblings: soft, labels: []string{"l1", "l2"},
			see: Observation{Group: group(mark.Text(), "vm"), LabelIDs: []string{"l1"}}, action: AddLabel, reason: infrav1.CreatingReason},
		{name: "... and is started with all of them", labels: []string{"l1"}, see: Observation{LabelIDs: []string{"l1"}},
			action: Start, reason: infrav1.StartingReason},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := seen(ovirt.StatusDown)
			o.Group, o.NoGroup, o.LabelIDs = test.see.Group, test.see.NoGroup, test.see.LabelIDs
			p := Next(Desired{VMID: "vm", NIC: nic("profile")[0], Siblings: test.siblings, LabelIDs: test.labels}, o, now)
			require.Equal(t, test.action, p.Action)
			require.Equal(t, test.reason, p.Reason, p.Message)
			require.Contains(t, p.Alone, test.alone)
			require.Equal(t, test.alone == "", p.Alone == "")
		})
	}
}

func TestWhatOthersDoToAGroupIsNoCondition(t *testing.T) {
	p := acting(JoinGroup, infrav1.CreatingReason, "the VM joins affinity group g")
	for _, kind := range []ovirt.Kind{ovirt.Conflict, ovirt.Exists, ovirt.NotFound} {
		failed := p.Failed(&ovirt.Error{Kind: kind, Status: 409, Detail: "in progress"})
		require.Equal(t, infrav1.CreatingReason, failed.Reason)
		require.Equal(t, p.Message, failed.Message)
		require.Equal(t, Nothing, failed.Action)
		require.Equal(t, kind, failed.Refusal, "it is tried again less and less often")
		require.Positive(t, failed.Wake)
	}
	require.Equal(t, infrav1.PermissionMissingReason, p.Failed(&ovirt.Error{Kind: ovirt.Forbidden}).Reason)
}
