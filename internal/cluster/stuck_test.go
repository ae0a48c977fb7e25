package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// watched is a watchdog with a clock of the test's own.
type watched struct {
	*watchdog
	at time.Time
}

func newWatched() *watched {
	w := &watched{at: time.Unix(0, 0)}
	w.watchdog = newWatchdog(0, func() time.Time { return w.at })
	return w
}

// stuckAfter looks every second for an hour, and returns when there was a problem for the first time; 0 means never.
func (w *watched) stuckAfter(s *story) (time.Duration, []Problem) {
	begin := w.at
	for ; w.at.Sub(begin) < time.Hour; w.at = w.at.Add(time.Second) {
		if found := w.check(&s.snapshot); len(found) > 0 {
			return w.at.Sub(begin), found
		}
	}
	return 0, nil
}

func (s *story) machineWith(name string, status metav1.ConditionStatus, reason, message string) *infrav1.OLVMMachine {
	im := s.machine(name, false, clusterv1.MachinePhaseProvisioning)
	im.Status.Conditions = []metav1.Condition{condition(infrav1.VMReadyCondition, status, reason, message)}
	return im
}

func TestWhatDoesNotPassByItselfEndsTheWaiting(t *testing.T) {
	for reason, after := range map[string]time.Duration{
		infrav1.OutOfCapacityReason:           30 * time.Second,
		infrav1.PermissionMissingReason:       30 * time.Second,
		infrav1.NotFoundInEngineReason:        30 * time.Second,
		infrav1.InvalidSpecReason:             30 * time.Second,
		infrav1.PoolExhaustedReason:           30 * time.Second,
		infrav1.AllocationFailedReason:        30 * time.Second,
		infrav1.AddressUnusableReason:         30 * time.Second,
		infrav1.WaitingForAddressReason:       5 * time.Minute,
		infrav1.PoolNotReadyReason:            5 * time.Minute,
		infrav1.NotOursReason:                 30 * time.Second,
		infrav1.VMNotFoundReason:              30 * time.Second,
		infrav1.NotRunningReason:              30 * time.Second,
		infrav1.CredentialsRefusedReason:      45 * time.Second,
		infrav1.CredentialsMissingReason:      45 * time.Second,
		infrav1.EngineRefusedReason:           5 * time.Minute,
		infrav1.EngineUnavailableReason:       5 * time.Minute,
		infrav1.CreatingReason:                0,
		infrav1.StartingReason:                5 * time.Minute,
		infrav1.DeletingReason:                0,
		infrav1.AddressConflictReason:         5 * time.Minute,
		infrav1.WaitingForClusterReason:       0,
		infrav1.WaitingForBootstrapDataReason: 0,
	} {
		t.Run(reason, func(t *testing.T) {
			s := newStory()
			s.machineWith("demo-md-0-a", metav1.ConditionFalse, reason, "the engine's words")
			at, found := newWatched().stuckAfter(s)
			require.Equal(t, after, at)
			if after == 0 {
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, "machine demo-md-0-a: "+reason+": the engine's words", found[0].String())
			require.NotEmpty(t, found[0].Next)
		})
	}
}

// A host that is cut off for a moment is not a VM that went down.
func TestLostContactMayComeBack(t *testing.T) {
	s := newStory()
	s.machineWith("demo-md-0-a", metav1.ConditionUnknown, infrav1.NotRunningReason, "the engine has lost contact with the VM (unknown)")
	at, found := newWatched().stuckAfter(s)
	require.Equal(t, 5*time.Minute, at)
	require.Equal(t, "machine demo-md-0-a: LostContact: the engine has lost contact with the VM (unknown)", found[0].String())
	require.NotContains(t, found[0].Next, "delete")
}

// An exact pool is exhausted until the machines that leave have given their addresses back.
func TestAPoolIsNotExhaustedWhileMachinesLeave(t *testing.T) {
	s := newStory()
	s.machineWith("demo-md-0-new", metav1.ConditionFalse, infrav1.PoolExhaustedReason, "no address is free")
	s.machineWith("demo-md-0-old", metav1.ConditionFalse, infrav1.DeletingReason, "the VM is being stopped")
	s.machines[1].DeletionTimestamp = ptr.To(metav1.Now())
	w := newWatched()
	at, _ := w.stuckAfter(s)
	require.Zero(t, at)
	s.machines = s.machines[:1]
	at, _ = w.stuckAfter(s)
	require.Equal(t, 30*time.Second, at)
}

// Nobody complains, and nothing happens: a drain that is blocked, a control plane that makes no further machine.
func TestNothingAtAllForHalfAnHourEndsTheWaiting(t *testing.T) {
	w := newWatched()
	view := []progress.Item{{Name: "workers", State: "1 of 2", Detail: "draining demo-md-0-a"}}
	for ; w.at.Before(time.Unix(0, 0).Add(20 * time.Minute)); w.at = w.at.Add(time.Minute) {
		require.Empty(t, w.still(view))
	}
	view = []progress.Item{{Name: "workers", State: "2 of 2", Detail: "draining demo-md-0-b"}}
	changed := w.at
	for ; len(w.still(view)) == 0; w.at = w.at.Add(time.Minute) {
		require.Less(t, w.at.Sub(changed), time.Hour)
	}
	require.Equal(t, 30*time.Minute, w.at.Sub(changed))
	require.Equal(t, "workers: NoProgress: 2 of 2, and nothing has changed for 30m0s: draining demo-md-0-b", w.still(view)[0].String())
}

func TestTheInfrastructureMayBeWhatDoesNotPass(t *testing.T) {
	s := newStory()
	s.infrastructureIs(metav1.ConditionFalse, infrav1.CredentialsRefusedReason, "access denied")
	at, found := newWatched().stuckAfter(s)
	require.Equal(t, 45*time.Second, at)
	require.Equal(t, "infrastructure: CredentialsRefused: access denied", found[0].String())
}

func TestAVMWhoseNodeDoesNotReportEndsTheWaiting(t *testing.T) {
	s := newStory()
	s.infrastructure.Spec.OLVMOvirtAPIServer.ServerURL = "https://engine.example.com/ovirt-engine"
	im := s.machineWith("demo-control-plane-a", metav1.ConditionTrue, infrav1.RunningReason, "")
	vm(im, "up", "192.0.2.164")
	im.Status.OLVM.VirtualMachine.VMID, im.Status.OLVM.VirtualMachine.VMName = "123", "demo-control-plane-a"
	at, found := newWatched().stuckAfter(s)
	require.Equal(t, 10*time.Minute, at)
	require.Equal(t, "machine demo-control-plane-a: NodeMissing: its VM demo-control-plane-a is up, and its node has not reported within 10m0s",
		found[0].String())
	require.Contains(t, found[0].Next, "OCK has no guest agent")
	require.Contains(t, found[0].Next, "\n  ssh -t -p 2222 ovirt-vmconsole@engine.example.com connect --vm-id 123\n")

	s.phase("demo-control-plane-a", clusterv1.MachinePhaseRunning)
	s.joins("demo-control-plane-a", corev1.ConditionFalse, "cni plugin not initialized")
	at, found = newWatched().stuckAfter(s)
	require.Equal(t, 10*time.Minute, at)
	require.Equal(t, "machine demo-control-plane-a: NodeNotReady: node demo-control-plane-a is not Ready: cni plugin not initialized", found[0].String())

	s.nodes[0].Status.Conditions[0].Status = corev1.ConditionTrue
	at, _ = newWatched().stuckAfter(s)
	require.Zero(t, at)
}

func TestAnAPIThatThisMachineNeverReachesEndsTheWaiting(t *testing.T) {
	s := running()
	s.nodes, s.nodesErr = nil, errors.New("dial tcp 192.0.2.160:6443: i/o timeout")
	at, found := newWatched().stuckAfter(s)
	require.Equal(t, 10*time.Minute, at)
	require.Equal(t, "API https://192.0.2.160:6443: APIUnreachable: dial tcp 192.0.2.160:6443: i/o timeout", found[0].String())
}

// What this command sees first may be older than the change that removed the cause.
func TestTheControllersAskAgainBeforeTheWaitingEnds(t *testing.T) {
	w := newWatched()
	for _, kind := range []ovirt.Kind{
		ovirt.NotFound, ovirt.Exists, ovirt.Conflict, ovirt.Invalid, ovirt.Auth, ovirt.Forbidden, ovirt.Quota, ovirt.Unavailable, ovirt.NotEngine,
		ovirt.Unknown,
	} {
		refused := machine.Refused(machine.Create, &ovirt.Error{Kind: kind, Status: 409, Detail: "words"})
		require.Less(t, refused.Wake, w.patience(refused.Reason), "kind %q, reason %s", kind, refused.Reason)
		_, known := nextStep(refused.Reason)
		require.True(t, known, "reason %s has a next step", refused.Reason)
	}
}

// The command may be run again right after the cause was removed, while the old words still stand.
func TestWhatPassesInTimeEndsNothing(t *testing.T) {
	s := newStory()
	old := s.machineWith("demo-md-0-a", metav1.ConditionFalse, infrav1.OutOfCapacityReason, "Low disk space")
	old.Status.Conditions[0].LastTransitionTime = metav1.NewTime(time.Unix(0, 0).Add(-time.Hour))
	w := newWatched()
	require.Empty(t, w.check(&s.snapshot))
	w.at = w.at.Add(20 * time.Second)
	require.Empty(t, w.check(&s.snapshot))
	old.Status.Conditions[0].Reason = infrav1.CreatingReason
	w.at = w.at.Add(time.Second)
	require.Empty(t, w.check(&s.snapshot))
	old.Status.Conditions[0].Reason = infrav1.OutOfCapacityReason
	w.at = w.at.Add(20 * time.Second)
	require.Empty(t, w.check(&s.snapshot), "it counts from the beginning again")
}

func TestTheOldestProblemIsTheFirst(t *testing.T) {
	s := newStory()
	w := newWatched()
	s.machineWith("demo-md-0-b", metav1.ConditionFalse, infrav1.CreatingReason, "")
	s.machineWith("demo-md-0-a", metav1.ConditionFalse, infrav1.OutOfCapacityReason, "first")
	require.Empty(t, w.check(&s.snapshot))
	s.infraMachines[0].Status.Conditions[0] = condition(infrav1.VMReadyCondition, metav1.ConditionFalse, infrav1.PoolExhaustedReason, "second")
	w.at = w.at.Add(time.Second)
	require.Empty(t, w.check(&s.snapshot))
	w.at = w.at.Add(time.Minute)
	found := w.check(&s.snapshot)
	require.Len(t, found, 2)
	err := &StuckError{Name: "demo", Problems: found}
	require.EqualError(t, err, "cluster demo cannot be completed (2 problems): machine demo-md-0-a: OutOfCapacity: first")
}

func TestAMachineThatIsBeingDeletedNeedsNoNode(t *testing.T) {
	s := newStory()
	s.machineWith("demo-md-0-a", metav1.ConditionTrue, infrav1.RunningReason, "")
	s.machines[0].DeletionTimestamp = ptr.To(metav1.Now())
	at, _ := newWatched().stuckAfter(s)
	require.Zero(t, at)
}

func TestOnlyVMsThatTheEngineShowsAreCounted(t *testing.T) {
	s := newStory()
	vm(s.machine("a", true, clusterv1.MachinePhaseRunning), "up", "192.0.2.164")
	vm(s.machine("b", false, clusterv1.MachinePhaseProvisioning), "", "")
	s.machine("c", false, clusterv1.MachinePhasePending)
	require.Equal(t, 1, s.vmsInEngine())
}
