package packages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// life is a cluster that is made of a template.
type life struct {
	w               *world
	p               *provider
	name, namespace string
	objects         []unstructured.Unstructured
}

// newLife makes the namespace, the credentials and the CA that the how-to asks for; hosts are the last numbers of the cluster's addresses.
func (w *world) newLife(t *testing.T, p *provider, name, flavor string, more map[string]string) *life {
	t.Helper()
	l := &life{w: w, p: p, name: name, namespace: name}
	move := map[string]string{"clusterctl.cluster.x-k8s.io/move": ""}
	of := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: l.namespace, Name: name, Labels: move}
	}
	w.create(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.namespace}},
		&corev1.Secret{ObjectMeta: of("olvm-credentials"), StringData: map[string]string{
			"username": programs.Username, "password": programs.Password,
		}},
		&corev1.ConfigMap{ObjectMeta: of("olvm-ca"), Data: map[string]string{"ca.crt": string(w.engine.CA)}},
	)
	variables := map[string]string{
		"OLVM_SERVER_URL": w.engine.URL, "OLVM_VM_TEMPLATE": "ock", "OLVM_SUBNET": w.network + ".0/24",
		"OLVM_VIRTUAL_IP":              w.network + ".100",
		"OLVM_CONTROL_PLANE_ADDRESSES": w.network + ".110-" + w.network + ".119",
		"OLVM_WORKER_ADDRESSES":        w.network + ".120-" + w.network + ".139, " + w.network + ".150",
		"OLVM_CONTROL_PLANE_MEMORY":    "2GB", "OLVM_WORKER_MEMORY": "2GB",
		"OLVM_NAMESERVERS": "[" + w.network + ".1]",
	}
	for name, value := range more {
		variables[name] = value
	}
	l.objects = w.clusterFromTemplate(t, name, l.namespace, flavor, variables)
	return l
}

// errForbidden: the provider asked for something that its roles do not allow.
var errForbidden = errors.New("forbidden")

// until waits for a condition, and not longer than until something is forbidden.
func (l *life) until(what string, condition func() (bool, string)) error {
	var state string
	for deadline := time.Now().Add(programs.Patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if refused := l.w.proxy.refused(); len(refused) > 0 {
			return fmt.Errorf("%w: %s", errForbidden, refused[0])
		}
		var ok bool
		if ok, state = condition(); ok {
			return nil
		}
	}
	return fmt.Errorf("not in %s: %s; last state: %s; log of the provider: %s", programs.Patience, what, state, programs.Tail(l.p.Log))
}

// run lives the whole life.
func (l *life) run(ctx context.Context) error {
	for i := range l.objects {
		if err := l.w.Create(ctx, l.objects[i].DeepCopy()); err != nil {
			return fmt.Errorf("create %s %s: %w", l.objects[i].GetKind(), l.objects[i].GetName(), err)
		}
	}
	if err := l.until("one control plane node and one worker", l.hasNodes(ctx)); err != nil {
		return err
	}
	if err := l.mayBlockDeletion(ctx); err != nil {
		return err
	}
	return l.remove(ctx)
}

// remove deletes the cluster, and waits until nothing is left.
func (l *life) remove(ctx context.Context) error {
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: l.name}}
	if err := l.w.Delete(ctx, cluster); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete the cluster: %w", err)
	}
	return l.until("nothing is left", l.isGone(ctx))
}

func (l *life) hasNodes(ctx context.Context) func() (bool, string) {
	return func() (bool, string) {
		machines, olvm := &clusterv1.MachineList{}, &infrav1.OLVMMachineList{}
		if err := errors.Join(l.list(ctx, machines), l.list(ctx, olvm)); err != nil {
			return false, err.Error()
		}
		if len(machines.Items) != 2 || len(olvm.Items) != 2 {
			return false, fmt.Sprintf("%d Machines, %d OLVMMachines", len(machines.Items), len(olvm.Items))
		}
		for _, m := range machines.Items {
			if !m.Status.NodeRef.IsDefined() {
				return false, fmt.Sprintf("Machine %s has no node: %v", m.Name, m.Status.Conditions)
			}
		}
		for _, m := range olvm.Items {
			if !meta.IsStatusConditionTrue(m.Status.Conditions, clusterv1.ReadyCondition) {
				return false, fmt.Sprintf("OLVMMachine %s is not ready: %v", m.Name, m.Status.Conditions)
			}
		}
		return true, ""
	}
}

func (l *life) list(ctx context.Context, list client.ObjectList) error {
	return l.w.List(ctx, list, client.InNamespace(l.namespace))
}

func (l *life) isGone(ctx context.Context) func() (bool, string) {
	return func() (bool, string) {
		var left []string
		for _, list := range []client.ObjectList{
			&clusterv1.ClusterList{}, &clusterv1.MachineList{}, &infrav1.OLVMClusterList{}, &infrav1.OLVMMachineList{}, &ipamv1.IPAddressList{},
		} {
			if err := l.list(ctx, list); err != nil {
				return false, err.Error()
			}
			if n := meta.LenList(list); n > 0 {
				left = append(left, fmt.Sprintf("%d %T", n, list))
			}
		}
		vms, err := l.w.engine.Client.VMs(ctx, "")
		if err != nil {
			return false, err.Error()
		}
		for _, vm := range vms {
			if strings.HasPrefix(vm.Name, l.name+"-") {
				left = append(left, "VM "+vm.Name)
			}
		}
		for _, object := range []client.Object{
			&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: "olvm-credentials"}},
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: "olvm-ca"}},
		} {
			if err := l.w.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
				return false, err.Error()
			}
			left = append(left, object.GetFinalizers()...)
		}
		return len(left) == 0, strings.Join(left, ", ")
	}
}

// mayBlockDeletion asks what an API server with the admission plugin OwnerReferencesPermissionEnforcement, such as OpenShift's, would ask:
// may the provider set the finalizers of the owners that it names in its objects?
func (l *life) mayBlockDeletion(ctx context.Context) error {
	addresses, claims := &ipamv1.IPAddressList{}, &ipamv1.IPAddressClaimList{}
	if err := errors.Join(l.list(ctx, addresses), l.list(ctx, claims)); err != nil {
		return fmt.Errorf("list IPAddresses and IPAddressClaims: %w", err)
	}
	if len(addresses.Items) == 0 {
		return errors.New("the machines have no IPAddresses")
	}
	var owned []client.Object
	for i := range addresses.Items {
		owned = append(owned, &addresses.Items[i])
	}
	for i := range claims.Items {
		owned = append(owned, &claims.Items[i])
	}
	for _, a := range owned {
		for _, owner := range a.GetOwnerReferences() {
			ours := strings.HasPrefix(owner.APIVersion, infrav1.Group+"/")
			if !ours || !ptr.Deref(owner.BlockOwnerDeletion, false) {
				continue
			}
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: l.p.account,
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: a.GetNamespace(), Verb: "update", Name: owner.Name, Subresource: "finalizers",
					Group: infrav1.Group, Resource: strings.ToLower(owner.Kind) + "s",
				},
			}}
			if err := l.w.Create(ctx, review); err != nil {
				return fmt.Errorf("ask for the rights of %s: %w", l.p.account, err)
			}
			if !review.Status.Allowed {
				return fmt.Errorf("%w: update of the finalizers of %s %s", errForbidden, owner.Kind, owner.Name)
			}
		}
	}
	return nil
}

func TestClusterctlInstallsAProviderThatGivesAClusterItsWholeLife(t *testing.T) {
	w := newWorld(t)
	components := w.installWithClusterctl(t)
	require.Equal(t, "cluster-api-provider-olvm", components.TargetNamespace())
	require.Equal(t, []string{"registry.example.com/ocne-project/ocne-manager:v1.1.0"}, components.Images())
	require.ElementsMatch(t, []string{"OLVM_CONCURRENCY", "OLVM_LOG_LEVEL"}, components.Variables())

	p := w.startProvider(t, components.TargetNamespace(), false)
	p.expectProbes(t)
	l := w.newLife(t, p, "quick", "", nil)
	require.NoError(t, l.run(t.Context()))
	p.expectMetrics(t)
	topology := w.newLife(t, p, "topology", "topology", nil)
	require.True(t, slices.ContainsFunc(topology.objects, func(o unstructured.Unstructured) bool { return o.GetKind() == "ClusterClass" }),
		"clusterctl brings the class along")
	require.NoError(t, topology.run(t.Context()))
	require.Empty(t, w.proxy.refused(), "requests that the shipped roles do not allow")

	external := w.newLife(t, p, "external", "external-ipam", map[string]string{"OLVM_CONTROL_PLANE_POOL": "a", "OLVM_WORKER_POOL": "b"})
	for _, object := range external.objects {
		require.NoError(t, w.Create(t.Context(), &object, client.DryRunAll), "%s of the flavor external-ipam", object.GetKind())
	}
}

func TestHelmInstallsAProviderInAnImageThatGivesAClusterItsWholeLife(t *testing.T) {
	w := newWorld(t)
	const namespace = "cluster-api-provider-olvm"
	w.installWithHelm(t, namespace, existingValues(t))
	inImage := isRoot()
	if !inImage {
		t.Log("without root, the program runs as it is, and not in its image")
	}
	p := w.startProvider(t, namespace, inImage)
	p.expectProbes(t)
	l := w.newLife(t, p, "dual", "dualstack", map[string]string{
		"OLVM_CONTROL_PLANE_IPV6_ADDRESSES": "fd00:127::110-fd00:127::119",
		"OLVM_WORKER_IPV6_ADDRESSES":        "fd00:127::120-fd00:127::139",
	})
	require.NoError(t, l.run(t.Context()))
	p.expectMetrics(t)
	if inImage {
		p.expectNothingWritten(t)
	}
	require.Empty(t, w.proxy.refused(), "requests that the shipped roles do not allow")
}
