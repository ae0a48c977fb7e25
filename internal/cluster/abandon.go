package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/credentials"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

const (
	// probeTimeout bounds one try to reach an engine that is said to be gone.
	probeTimeout = 15 * time.Second
	// silentFor is how long a deletion waits for an engine that does not answer before it names the way out.
	silentFor = 2 * time.Minute
)

// AbandonedVM may still be in an engine that nobody asked.
type AbandonedVM struct {
	ID, Name string
	// Status that the engine told last; empty for a VM that it never showed.
	Status    string
	Addresses []string
}

// abandonedVMs are those that were asked for, and of which the engine never said that they are gone.
func (s *snapshot) abandonedVMs() []AbandonedVM {
	var left []AbandonedVM
	for i := range s.infraMachines {
		im := &s.infraMachines[i]
		_, asked := im.Annotations[infrav1.CreateSubmittedAnnotation]
		status := im.Status.OLVM
		if status == nil {
			status = &infrav1.EngineStatus{}
		}
		vm := status.VirtualMachine
		if vm.VMID != "" && vm.Status == "" || vm.VMID == "" && !asked {
			continue
		}
		left = append(left, AbandonedVM{
			ID: cmp.Or(vm.VMID, machine.VMID(im.Spec.ProviderID)), Name: cmp.Or(vm.VMName, im.Name), Status: vm.Status,
			Addresses: slices.DeleteFunc([]string{status.IPAddress, status.IPv6Address}, func(a string) bool { return a == "" }),
		})
	}
	slices.SortFunc(left, func(a, b AbandonedVM) int { return strings.Compare(a.Name, b.Name) })
	return left
}

// abandon tells the controllers not to ask the engine about a cluster any more. It refuses while the engine answers: then nothing has to
// be left behind.
func (m *Management) abandon(ctx context.Context, s *snapshot) error {
	if s.infrastructure != nil && !infrav1.Abandoned(s.infrastructure) {
		if err := m.checkGone(ctx, s.infrastructure); err != nil {
			return err
		}
		if err := m.annotateAbandoned(ctx, s.infrastructure); err != nil {
			return err
		}
	}
	for i := range s.infraMachines { // the OLVMCluster's is enough, when it is there; a machine's own wakes its controller at once
		if err := m.annotateAbandoned(ctx, &s.infraMachines[i]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Management) annotateAbandoned(ctx context.Context, o client.Object) error {
	before := o.DeepCopyObject().(client.Object)
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[infrav1.AbandonAnnotation] = "true"
	o.SetAnnotations(annotations)
	if err := m.Client.Patch(ctx, o, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("annotate %T %s: %w", o, client.ObjectKeyFromObject(o), err)
	}
	return nil
}

// checkGone asks the controllers, who look at the engine all the time, and then the engine itself with their credentials.
func (m *Management) checkGone(ctx context.Context, infra *infrav1.OLVMCluster) error {
	url := infra.Spec.OLVMOvirtAPIServer.ServerURL
	answers := func(how, advice string) error {
		return &AdvisedError{
			Err:    fmt.Errorf("nothing is abandoned, because engine %s answers: %s", url, how),
			Advice: advice + "\nWith --abandon, VMs would be left behind that can be removed.",
		}
	}
	const again = "Delete the cluster without --abandon."
	c := meta.FindStatusCondition(infra.Status.Conditions, infrav1.EngineReachableCondition)
	if c != nil && c.Status == metav1.ConditionTrue {
		return answers(c.Message, again+" If the engine has just gone, wait until 'ocne cluster info' says that it is not reachable.")
	}
	if c != nil {
		switch c.Reason {
		case infrav1.CredentialsRefusedReason, infrav1.PermissionMissingReason, infrav1.NotFoundInEngineReason:
			next, _ := nextStep(c.Reason)
			return answers(c.Reason+": "+c.Message, next)
		}
	}
	account, err := credentials.Account(ctx, m.Client, infra)
	if missing := (*credentials.MissingError)(nil); errors.As(err, &missing) {
		if listens(ctx, url) {
			return answers(err.Error(), "Give the controllers their credentials with 'ocne cluster start', and delete the cluster then.")
		}
		return nil
	}
	if err != nil {
		return err
	}
	err = probe(ctx, account)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return answers("this machine can log in to it, although the controllers say: "+message(c),
			again+" Let the management cluster reach the engine before.")
	case ovirt.KindOf(err) == ovirt.Auth || ovirt.KindOf(err) == ovirt.Forbidden:
		next, _ := nextStep(infrav1.CredentialsRefusedReason)
		return answers(err.Error(), next)
	}
	return nil
}

// probe logs in, asks for the engine's version, and logs out.
func probe(ctx context.Context, account engine.Account) error {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	e, err := (&engine.Engines{}).For(account)
	if err != nil {
		return err
	}
	defer connection{e}.close(ctx)
	_, err = e.Client().System(probing)
	return err
}

// listens says whether anything accepts connections where the engine is; without credentials there is no more to learn.
func listens(ctx context.Context, serverURL string) bool {
	u, err := url.Parse(serverURL)
	if err != nil {
		return false
	}
	dialing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(dialing, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// silence watches a deletion for an engine that does not answer.
type silence struct {
	now   func() time.Time
	since time.Time
	told  bool
}

// lasts says once, in words, that the engine has not answered for too long.
func (l *silence) lasts(s *snapshot) (words string, lasts bool) {
	var c *metav1.Condition
	if s.infrastructure != nil && !infrav1.Abandoned(s.infrastructure) {
		c = meta.FindStatusCondition(s.infrastructure.Status.Conditions, infrav1.EngineReachableCondition)
	}
	if c == nil || c.Status != metav1.ConditionFalse || c.Reason != infrav1.EngineUnavailableReason {
		l.since, l.told = time.Time{}, false
		return "", false
	}
	now := l.now()
	if l.since.IsZero() {
		l.since = now
	}
	if l.told || now.Sub(l.since) < silentFor {
		return "", false
	}
	l.told = true
	return fmt.Sprintf("The engine has not answered for %s, and the deletion waits for it: %s. If the engine is gone for good, "+
		"end this command and run it again with --abandon: the cluster is deleted without the engine, and its VMs are left behind",
		silentFor, c.Message), true
}

// abandonable says whether a deletion that has not ended could end without the engine.
func abandonable(s *snapshot) bool {
	return s != nil && s.infrastructure != nil && !infrav1.Abandoned(s.infrastructure) &&
		!s.engineReachable() && len(s.infraMachines) > 0
}

func (s *snapshot) engineReachable() bool {
	c := meta.FindStatusCondition(s.infrastructure.Status.Conditions, infrav1.EngineReachableCondition)
	return c == nil || c.Status != metav1.ConditionFalse
}
