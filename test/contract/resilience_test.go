package contract

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	clusterctlv1 "sigs.k8s.io/cluster-api/cmd/clusterctl/api/v1alpha3"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// graph is what every object of a cluster has, by kind and name. Upstream's tests look at the same objects: Secrets, ConfigMaps, and
// every kind whose CRD has clusterctl's label.
type graph map[string][]string

func (c *cluster) objects(t *testing.T) map[string]*metav1.PartialObjectMetadata {
	t.Helper()
	kinds := []schema.GroupVersionKind{{Version: "v1", Kind: "Secret"}, {Version: "v1", Kind: "ConfigMap"}}
	definitions := &apiextensionsv1.CustomResourceDefinitionList{}
	require.NoError(t, c.List(t.Context(), definitions, client.HasLabels{clusterctlv1.ClusterctlLabel}))
	for _, d := range definitions.Items {
		if d.Spec.Scope != apiextensionsv1.NamespaceScoped {
			continue
		}
		for _, v := range d.Spec.Versions {
			if v.Storage {
				kinds = append(kinds, schema.GroupVersionKind{Group: d.Spec.Group, Version: v.Name, Kind: d.Spec.Names.Kind})
			}
		}
	}
	found := map[string]*metav1.PartialObjectMetadata{}
	for _, kind := range kinds {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		require.NoError(t, c.List(t.Context(), list, c.inNamespace()))
		for i := range list.Items {
			o := &list.Items[i]
			o.SetGroupVersionKind(kind)
			if o.Name != "kube-root-ca.crt" {
				found[kind.Kind+" "+o.Name] = o
			}
		}
	}
	return found
}

// graph has the owners, or the finalizers, of every object.
func (c *cluster) graph(t *testing.T, of func(*metav1.PartialObjectMetadata) []string) graph {
	t.Helper()
	g := graph{}
	for name, o := range c.objects(t) {
		list := of(o)
		slices.Sort(list)
		g[name] = list
	}
	return g
}

func owners(o *metav1.PartialObjectMetadata) (list []string) {
	for _, ref := range o.OwnerReferences {
		list = append(list, fmt.Sprintf("%s %s %s, controller %t", ref.APIVersion, ref.Kind, ref.Name, ptr.Deref(ref.Controller, false)))
	}
	return list
}

func heldBy(o *metav1.PartialObjectMetadata) []string { return slices.Clone(o.Finalizers) }

// takeAway changes every object of a paused cluster, and expects that what the objects had comes back when the pause ends.
func (c *cluster) takeAway(t *testing.T, of func(*metav1.PartialObjectMetadata) []string, away func(*metav1.PartialObjectMetadata)) graph {
	t.Helper()
	before := c.graph(t, of)
	c.pause(t, true)
	for name, o := range c.objects(t) {
		changed := o.DeepCopy()
		away(changed)
		require.NoError(t, c.Patch(t.Context(), changed, client.MergeFrom(o)), name)
	}
	for name, list := range c.graph(t, of) {
		if strings.HasPrefix(name, "OLVM") { // some controllers of Cluster API do not wait for the end of the pause
			require.Empty(t, list, name)
		}
	}
	c.pause(t, false)
	programs.Eventually(t, "everything is as it was", func() (bool, string) {
		after, missing := c.graph(t, of), graph{}
		for name, list := range before {
			if !slices.Equal(list, after[name]) {
				missing[name] = list
			}
		}
		return len(missing) == 0, fmt.Sprintf("missing: %v", missing)
	})
	require.Equal(t, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(c.graph(t, of))), "no object came or went")
	return before
}

// expectOwnerReferencesBack is upstream's test of resilience: a backup was restored without owner references.
func (c *cluster) expectOwnerReferencesBack(t *testing.T) {
	vms := c.vms(t)
	before := c.takeAway(t, owners, func(o *metav1.PartialObjectMetadata) { o.OwnerReferences = nil })
	require.NotEmpty(t, before["OLVMCluster "+c.name()])
	require.NotEmpty(t, before["OLVMMachineTemplate "+c.name()+"-md-0"])
	c.running(t, 1, 2, anyMember)
	require.Equal(t, slices.Sorted(maps.Keys(vms)), slices.Sorted(maps.Keys(c.vms(t))), "no VM came or went")
}

// expectFinalizersBack is upstream's other test of resilience.
func (c *cluster) expectFinalizersBack(t *testing.T) {
	before := c.takeAway(t, heldBy, func(o *metav1.PartialObjectMetadata) { o.Finalizers = nil })
	require.NotEmpty(t, before["OLVMCluster "+c.name()])
	require.NotEmpty(t, before["Secret "+c.config.OLVM.APIServer.CredentialsSecret.Name])
}

// expectStatusBack takes the status away, as clusterctl move does: it is made again from the spec and the engine, and the VMs stay.
func (c *cluster) expectStatusBack(t *testing.T) {
	before := c.running(t, 1, 2, anyMember)
	c.pause(t, true)
	patchStatus(t, c, c.name(), &infrav1.OLVMCluster{}, func(o *infrav1.OLVMCluster) { o.Status = infrav1.OLVMClusterStatus{} })
	for _, m := range before {
		patchStatus(t, c, m.olvm.Name, &infrav1.OLVMMachine{}, func(o *infrav1.OLVMMachine) { o.Status = infrav1.OLVMMachineStatus{} })
	}
	c.pause(t, false)
	for _, m := range before {
		programs.Eventually(t, "the status is made again", func() (bool, string) {
			olvm := get(t, c, m.olvm.Name, &infrav1.OLVMMachine{})
			complete := isTrue(olvm, infrav1.ReadyCondition) && reflect.DeepEqual(m.olvm.Status.Addresses, olvm.Status.Addresses) &&
				reflect.DeepEqual(m.olvm.Status.Initialization, olvm.Status.Initialization) && m.olvm.Status.OLVM.IPAddress == olvm.Status.OLVM.IPAddress
			return complete, fmt.Sprintf("%+v", olvm.Status)
		})
	}
	after := c.running(t, 1, 2, anyMember)
	for i := range before {
		require.Equal(t, before[i].vm.ID, after[i].vm.ID)
	}
	require.True(t, ptr.Deref(get(t, c, c.name(), &infrav1.OLVMCluster{}).Status.Initialization.Provisioned, false))
}
