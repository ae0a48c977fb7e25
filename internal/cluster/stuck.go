package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/workload"
)

const (
	// DefaultNodeStartupTimeout is what Cluster API's health checks grant a node, too.
	DefaultNodeStartupTimeout = 10 * time.Minute

	// refusedFor is how long something that an administrator has to change must be seen: the controllers ask again every 15 s, so
	// what this command saw first may be older than the change.
	refusedFor = 30 * time.Second
	// credentialsRefusedFor is longer, because refused credentials are tried again only every 30 s: engines lock accounts.
	credentialsRefusedFor = 45 * time.Second
	// lockedFor is for what usually goes away by itself: locks, engines that start, contact with a host that is lost for a moment.
	lockedFor = 5 * time.Minute
	// stillFor is how long nothing at all may change: no step of a cluster, the copy of a template's disk included, takes longer.
	stillFor = 30 * time.Minute
)

// The reasons of problems that are no condition of ours.
const (
	nodeMissingReason    = "NodeMissing"
	nodeNotReadyReason   = "NodeNotReady"
	apiUnreachableReason = "APIUnreachable"
	noProgressReason     = "NoProgress"
	lostContactReason    = "LostContact"
)

// Problem is one thing that does not go on by itself.
type Problem struct {
	// Subject is what has the problem, such as "machine demo-md-0-x7k2p".
	Subject string
	// Reason is that of the condition, such as OutOfCapacity.
	Reason string
	// Message is somebody's own words: the engine's, the controller's, the kubelet's.
	Message string
	// Next is what to do about it, in whole sentences; lines of a command are indented.
	Next string
}

// String is the problem on one line.
func (p Problem) String() string {
	return progress.OneLine(fmt.Sprintf("%s: %s: %s", p.Subject, p.Reason, p.Message))
}

// StuckError says that a cluster does not come up by itself. Nothing was rolled back: everything made so far stays, and goes on once
// the cause is removed.
type StuckError struct {
	// Name and Namespace of the cluster.
	Name, Namespace string
	// Management describes the management cluster.
	Management string
	// Problems are what does not go on; there is at least one.
	Problems []Problem
	// VMs is how many VMs of the cluster are in the engine.
	VMs int
}

// Error is one line with the first problem, in the words of whoever knows of it.
func (e *StuckError) Error() string {
	count := ""
	if n := len(e.Problems); n > 1 {
		count = fmt.Sprintf(" (%d problems)", n)
	}
	return fmt.Sprintf("cluster %s cannot be completed%s: %s", e.Name, count, e.Problems[0])
}

// Advice says what is wrong, what to do about it and what is left; commands to go on with come after it. Problems of one cause share their
// advice.
func (e *StuckError) Advice() string {
	var text strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&text, format+"\n", args...) }
	line("These do not go on by themselves:")
	advised := map[string]bool{}
	for _, p := range e.Problems {
		line("  %s", p)
	}
	line("What to do:")
	for _, p := range e.Problems {
		if advised[p.Reason] {
			continue
		}
		advised[p.Reason] = true
		line("  %s", strings.ReplaceAll(p.Next, "\n", "\n  "))
	}
	line("Nothing was rolled back. VMs of cluster %s in the engine: %d. Its objects stay in namespace %s of the management cluster\n%s,",
		e.Name, e.VMs, e.Namespace, e.Management)
	line("whose controllers keep trying. When the cause is removed:")
	return text.String()
}

// watchdog remembers since when this command has seen each problem. It counts from its own first look, not from the time of a
// condition: whoever runs the command again after removing a cause must not be turned away by what was written before.
type watchdog struct {
	now         func() time.Time
	nodeStartup time.Duration
	since       map[string]time.Time // by subject and reason
	view        []progress.Item      // what was shown last, and since when
	viewSince   time.Time
}

func newWatchdog(nodeStartup time.Duration, now func() time.Time) *watchdog {
	return &watchdog{now: now, nodeStartup: cmp.Or(nodeStartup, DefaultNodeStartupTimeout), since: map[string]time.Time{}}
}

// check returns the problems that have lasted too long, the oldest first.
func (w *watchdog) check(s *snapshot) []Problem {
	now, seen := w.now(), map[string]time.Time{}
	var lasting []Problem
	for _, p := range problems(s) {
		key := p.Subject + "\n" + p.Reason
		since, known := w.since[key]
		if !known {
			since = now
		}
		seen[key] = since
		if now.Sub(since) < w.patience(p.Reason) {
			continue
		}
		if p.Reason == nodeMissingReason {
			p.Message += fmt.Sprintf(" within %s", w.nodeStartup)
		}
		lasting = append(lasting, p)
	}
	w.since = seen
	slices.SortStableFunc(lasting, func(a, b Problem) int {
		return seen[a.Subject+"\n"+a.Reason].Compare(seen[b.Subject+"\n"+b.Reason])
	})
	return lasting
}

// still is the problem of a cluster about which nobody complains, and of which nothing has changed for too long.
func (w *watchdog) still(view []progress.Item) []Problem {
	now := w.now()
	if w.viewSince.IsZero() || !slices.Equal(view, w.view) {
		w.view, w.viewSince = slices.Clone(view), now
		return nil
	}
	if now.Sub(w.viewSince) < max(stillFor, w.nodeStartup) || len(view) == 0 {
		return nil
	}
	found := make([]Problem, 0, len(view))
	for _, item := range view {
		if item.Done {
			continue
		}
		found = append(found, Problem{
			Subject: item.Name, Reason: noProgressReason,
			Message: strings.TrimSuffix(fmt.Sprintf("%s, and nothing has changed for %s: %s", item.State, now.Sub(w.viewSince).Round(time.Minute), item.Detail), ": "),
			Next:    "Look at the conditions of the cluster's objects in the management cluster, and at the logs of its controllers.",
		})
	}
	return found
}

// patience is how long a problem may last.
func (w *watchdog) patience(reason string) time.Duration {
	switch reason {
	case nodeMissingReason, nodeNotReadyReason, apiUnreachableReason:
		return w.nodeStartup
	case infrav1.CredentialsRefusedReason, infrav1.CredentialsMissingReason:
		return credentialsRefusedFor
	case infrav1.EngineRefusedReason, infrav1.EngineUnavailableReason, infrav1.StartingReason, infrav1.AddressConflictReason, lostContactReason,
		infrav1.WaitingForAddressReason, infrav1.PoolNotReadyReason:
		return lockedFor
	default:
		return refusedFor
	}
}

// problems are everything in a snapshot that may need somebody; most of them pass.
func problems(s *snapshot) []Problem {
	var found []Problem
	if s.infrastructure != nil {
		found = append(found, conditionProblem("infrastructure", s.infrastructure.Status.Conditions, infrav1.ReadyCondition)...)
	}
	if s.controlPlaneInitialized() && s.nodesErr != nil && !errors.Is(s.nodesErr, errNotAsked) {
		found = append(found, Problem{
			Subject: "API " + endpoint(s.cluster), Reason: apiUnreachableReason, Message: s.nodesErr.Error(),
			Next: "The controllers reach the cluster's API, and this machine does not: check the route and the firewalls to the virtual IP.",
		})
	}
	leaving := false // machines that leave give addresses back
	for i := range s.machines {
		found = append(found, machineProblem(s, &s.machines[i])...)
		leaving = leaving || !s.machines[i].DeletionTimestamp.IsZero()
	}
	return slices.DeleteFunc(found, func(p Problem) bool { return leaving && p.Reason == infrav1.PoolExhaustedReason })
}

func machineProblem(s *snapshot, m *clusterv1.Machine) []Problem {
	subject := "machine " + m.Name
	im := s.infraMachine(m)
	if im == nil {
		return nil
	}
	if found := conditionProblem(subject, im.Status.Conditions, infrav1.VMReadyCondition); len(found) > 0 || !m.DeletionTimestamp.IsZero() {
		return found
	}
	if !meta.IsStatusConditionTrue(im.Status.Conditions, infrav1.VMReadyCondition) {
		return nil
	}
	if m.Status.NodeRef.Name == "" {
		return []Problem{nodeMissing(s, subject, im)}
	}
	node := s.node(m.Status.NodeRef.Name)
	if node == nil {
		return nil // the API does not answer, or the node has just gone
	}
	if ready, why := workload.Ready(node); !ready {
		return []Problem{{
			Subject: subject, Reason: nodeNotReadyReason, Message: fmt.Sprintf("node %s is not Ready: %s", node.Name, why),
			Next: "The node reports, and says itself what it lacks; without a pod network no node becomes Ready.",
		}}
	}
	return nil
}

// conditionProblem finds a reason that does not pass by itself. One that is not known here belongs to something under way.
func conditionProblem(subject string, conditions []metav1.Condition, kind string) []Problem {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil || c.Status == metav1.ConditionTrue {
		return nil
	}
	next, known := nextStep(c.Reason)
	if !known {
		return nil
	}
	p := Problem{Subject: subject, Reason: c.Reason, Message: c.Message, Next: next}
	if c.Reason == infrav1.NotRunningReason && c.Status == metav1.ConditionUnknown {
		p.Reason, p.Next = lostContactReason, "Look at the VM's host in the engine; what it runs goes on when the contact is back."
	}
	return []Problem{p}
}

func nextStep(reason string) (next string, known bool) {
	const again = "correct the configuration and run 'ocne cluster upgrade -c FILE', which replaces the machines. While the cluster has no control\n" +
		"plane yet, delete it and start it again."
	switch reason {
	case infrav1.OutOfCapacityReason:
		return "Free or add what the engine's words name (storage space, memory, hosts or quota) in the engine.", true
	case infrav1.PermissionMissingReason:
		return "Let the engine's administrator give the user a role with this permission.", true
	case infrav1.CredentialsRefusedReason, infrav1.CredentialsMissingReason:
		return "Give the user name and the password of an account of the engine; start writes them into a Secret that it made itself.", true
	case infrav1.NotFoundInEngineReason:
		return "Make the object in the engine, or let the user see it. If its name is wrong,\n" + again, true
	case infrav1.ImageMismatchReason:
		return "Name a VM template whose image reads the format, or change format of these machines:\n" + again, true
	case infrav1.InvalidSpecReason:
		return "Make the object that is missing. If the configuration is wrong,\n" + again, true
	case infrav1.PoolExhaustedReason:
		return "Add addresses to ipAddresses in the cluster file and start it again: machines that wait go on, and none is replaced.\n" +
			"Or remove machines that hold addresses of the pool. Pools of an IPAM provider grow there.", true
	case infrav1.WaitingForAddressReason, infrav1.AllocationFailedReason, infrav1.PoolNotReadyReason, infrav1.AddressUnusableReason:
		return "Look at the IPAM provider and at the pool that the message names; the machines go on when it gives a usable address.", true
	case infrav1.EngineRefusedReason:
		return "Read the engine's words, and its events in the Administration Portal; release what is locked.", true
	case infrav1.EngineUnavailableReason:
		return "Check that the engine runs, and that the management cluster reaches it. If it is gone for good, the cluster can be deleted without\n" +
			"it: ocne cluster delete --abandon.", true
	case infrav1.ClusterMissingReason:
		return "Make the OLVMCluster again, or let the machine go without its engine: the message says how.", true
	case infrav1.StartingReason:
		return "The VM does not stay up: the engine's events say why its host ends it.", true
	case infrav1.AddressConflictReason:
		return "The VM that the message names has one of the pool's addresses: remove it, or take the address out of the pool.", true
	case infrav1.NotRunningReason, infrav1.VMNotFoundReason, infrav1.NotOursReason:
		return "The message says what to do with the VM; Cluster API makes a new one for a Machine that is deleted.", true
	}
	return "", false
}

// nodeMissing is a VM that runs and whose guest has not made a node of it. The engine cannot say why: the images have no guest agent.
func nodeMissing(s *snapshot, subject string, im *infrav1.OLVMMachine) Problem {
	var vm infrav1.VirtualMachineStatus
	if im.Status.OLVM != nil {
		vm = im.Status.OLVM.VirtualMachine
	}
	p := Problem{
		Subject: subject, Reason: nodeMissingReason,
		Message: fmt.Sprintf("its VM %s is %s, and its node has not reported", cmp.Or(vm.VMName, im.Name), cmp.Or(vm.Status, "running")),
	}
	lines := []string{
		"OCK has no guest agent, so the engine does not know what happens in the guest. Its console shows it: in the engine's VM Portal,",
		"or as text, once your SSH key is in your settings there:",
		"  " + consoleCommand(s, vm.VMID),
		"The guest needs its network (address, gateway, name server), the virtual IP and the image registry; the management cluster needs",
		"the virtual IP to see the node.",
	}
	p.Next = strings.Join(lines, "\n")
	return p
}

// consoleCommand reaches the engine's serial console proxy.
func consoleCommand(s *snapshot, vmID string) string {
	host := "ENGINE"
	if s.infrastructure != nil {
		if u, err := url.Parse(s.infrastructure.Spec.OLVMOvirtAPIServer.ServerURL); err == nil && u.Hostname() != "" {
			host = u.Hostname()
		}
	}
	return fmt.Sprintf("ssh -t -p 2222 ovirt-vmconsole@%s connect --vm-id %s", host, cmp.Or(vmID, "ID"))
}

// vmsInEngine counts the cluster's VMs that the engine showed last.
func (s *snapshot) vmsInEngine() int {
	n := 0
	for i := range s.infraMachines {
		if status := s.infraMachines[i].Status.OLVM; status != nil && status.VirtualMachine.Status != "" {
			n++
		}
	}
	return n
}
