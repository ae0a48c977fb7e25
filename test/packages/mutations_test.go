package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/test/programs"
)

// rule is one right of the shipped roles: one verb on one resource.
type rule struct {
	role                  string // ClusterRole or Role
	group, resource, verb string
}

func (r rule) String() string {
	return fmt.Sprintf("%-11s %-32s %-24s %s", r.role, r.group, r.resource, r.verb)
}

const roleName = "olvm-capi-controller-manager-role"

// rulesOf takes the rules of a role apart.
func rulesOf(role string, rules []rbacv1.PolicyRule) []rule {
	var list []rule
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					list = append(list, rule{role, group, resource, verb})
				}
			}
		}
	}
	return list
}

// without are the rules but for one right.
func without(rules []rbacv1.PolicyRule, gone rule) []rbacv1.PolicyRule {
	var left []rbacv1.PolicyRule
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					if (rule{gone.role, group, resource, verb}) != gone {
						left = append(left, rbacv1.PolicyRule{
							APIGroups: []string{group}, Resources: []string{resource}, ResourceNames: r.ResourceNames, Verbs: []string{verb},
						})
					}
				}
			}
		}
	}
	return left
}

// roles are the shipped ones, to be changed and put back.
type roles struct {
	w       *world
	cluster *rbacv1.ClusterRole
	own     *rbacv1.Role
}

func (w *world) readRoles(t *testing.T, namespace string) *roles {
	t.Helper()
	r := &roles{w: w, cluster: &rbacv1.ClusterRole{}, own: &rbacv1.Role{}}
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Name: roleName}, r.cluster))
	require.NoError(t, w.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: roleName}, r.own))
	return r
}

// set writes the rules; gone is left out, and nothing is when it is nil.
func (r *roles) set(t *testing.T, gone *rule) {
	t.Helper()
	cluster, own := r.cluster.DeepCopy(), r.own.DeepCopy()
	cluster.ResourceVersion, own.ResourceVersion = "", ""
	if gone != nil && gone.role == "ClusterRole" {
		cluster.Rules = without(cluster.Rules, *gone)
	}
	if gone != nil && gone.role == "Role" {
		own.Rules = without(own.Rules, *gone)
	}
	require.NoError(t, r.w.Update(t.Context(), cluster))
	require.NoError(t, r.w.Update(t.Context(), own))
}

// TestEveryRuleOfTheShippedRolesIsNeeded lives a cluster's whole life once for each right of the roles, without that right. It takes
// minutes, so it runs only when it is asked for, with "all" or with a part of the rules' text: hack/rbac-mutations.sh.
func TestEveryRuleOfTheShippedRolesIsNeeded(t *testing.T) {
	wanted := os.Getenv("OCNE_RBAC_MUTATIONS")
	if wanted == "" {
		t.Skip("OCNE_RBAC_MUTATIONS is not set: run hack/rbac-mutations.sh, which takes some minutes")
	}
	w := newWorld(t)
	namespace := w.installWithClusterctl(t).TargetNamespace()
	shipped := w.readRoles(t, namespace)
	all := append(rulesOf("ClusterRole", shipped.cluster.Rules), rulesOf("Role", shipped.own.Rules)...)
	require.Greater(t, len(all), 20)

	require.NoError(t, w.attempt(t, namespace, 0), "with all rules")
	var table strings.Builder
	for i, r := range all {
		if wanted != "all" && !strings.Contains(r.String(), wanted) {
			continue
		}
		shipped.set(t, &r)
		begin := time.Now()
		err := w.attempt(t, namespace, i+1)
		shipped.set(t, nil)
		verdict := "NOT NEEDED"
		if err != nil {
			verdict = "needed"
		}
		fmt.Fprintf(&table, "%-10s %s  (%.0f s) %v\n", verdict, r, time.Since(begin).Seconds(), err)
		t.Logf("%-10s %s  (%.0f s) %v", verdict, r, time.Since(begin).Seconds(), err)
		if err != nil {
			require.ErrorIs(t, err, errForbidden, r.String())
		} else {
			t.Errorf("the whole life passes without: %s", r)
		}
	}
	t.Logf("every rule of the shipped roles, and what happens without it:\n%s", table.String())
}

// attempt starts the provider anew and lives one life, until something is forbidden. What it leaves is cleaned up by the next one.
func (w *world) attempt(t *testing.T, namespace string, n int) (err error) {
	t.Helper()
	w.proxy.reset()
	// The first manager of a cluster makes the Lease.
	lease := &coordinationv1.Lease{}
	lease.Namespace, lease.Name = namespace, "ocne-manager.infrastructure.cluster.x-k8s.io"
	require.NoError(t, client.IgnoreNotFound(w.Delete(t.Context(), lease)))
	t.Run(fmt.Sprintf("life %d", n), func(t *testing.T) {
		// Servers up to Kubernetes 1.33 have no streaming lists, so the right to list is needed there.
		p, refused := w.tryProvider(t, namespace, "KUBE_FEATURE_WatchListClient=false")
		if refused != nil {
			err = refused
			return
		}
		defer p.Kill()
		for _, l := range []*life{w.newLife(t, p, fmt.Sprintf("life%d", n), "", nil), w.newLifeFromPools(t, p, fmt.Sprintf("pools%d", n))} {
			if err == nil {
				err = l.run(t.Context())
			}
			if err == nil {
				err = w.metricsError(t, p)
			}
			if err != nil && !errors.Is(err, errForbidden) {
				t.Log(err)
			}
			w.abandon(t.Context(), l)
		}
	})
	return err
}

// newLifeFromPools is a life whose addresses, the virtual IP included, come from the pools of an IPAM provider.
func (w *world) newLifeFromPools(t *testing.T, p *provider, name string) *life {
	t.Helper()
	ipam := programs.StartIPAM(t, w.Client)
	ipam.Fill(name+"-nodes", w.network+".1", 24, w.network+".160", w.network+".161")
	ipam.Fill(name+"-vip", w.network+".1", 24, w.network+".170")
	l := w.newLife(t, p, name, "external-ipam", map[string]string{
		"OLVM_POOL_GROUP": programs.IPAMGroup, "OLVM_POOL_KIND": "Pool",
		"OLVM_CONTROL_PLANE_POOL": name + "-nodes", "OLVM_WORKER_POOL": name + "-nodes",
	})
	for i := range l.objects {
		if o := &l.objects[i]; o.GetKind() == "OLVMCluster" {
			unstructured.RemoveNestedField(o.Object, "spec", "controlPlaneEndpoint", "host")
			pool := map[string]any{"apiGroup": programs.IPAMGroup, "kind": "Pool", "name": name + "-vip"}
			require.NoError(t, unstructured.SetNestedMap(o.Object, pool, "spec", "controlPlaneEndpointFromPool"))
		}
	}
	return l
}

// abandon begins to remove what a life left.
func (w *world) abandon(ctx context.Context, l *life) {
	w.proxy.reset()
	for i := range l.objects {
		if l.objects[i].GetKind() == "Cluster" {
			_ = w.Delete(ctx, l.objects[i].DeepCopy()) // it may be gone
		}
	}
}

// metricsError reads the metrics, for which the provider asks the API server who reads.
func (w *world) metricsError(t *testing.T, p *provider) error {
	t.Helper()
	status, body := get(t, p.metricsURL, w.metricsReader())
	if refused := w.proxy.refused(); len(refused) > 0 {
		return fmt.Errorf("%w: %s", errForbidden, refused[0])
	}
	if status != 200 {
		return fmt.Errorf("metrics: %d %s, log of the provider: %s", status, body, programs.Tail(p.Log))
	}
	return nil
}
