package olvmcluster

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/address"
	"github.com/ocne-project/ocne/internal/engine"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// +kubebuilder:rbac:groups=infrastructure.cluster.x-k8s.io,resources=olvmmachinetemplates,verbs=list;watch

// settleTime gathers the addresses that are taken and given back one after the other while a cluster changes.
const settleTime = 3 * time.Second

// holding is an address that a machine has.
type holding struct {
	address netip.Addr
	cluster string // namespace/name
	// on says whether it is an address of a network, by the engine's id.
	on func(networkID string) bool
}

// addressPools counts the pools of the cluster's machine templates: what Kubernetes knows to be taken, and what VMs in the engine carry,
// those of other management clusters included. The engine is asked for no more than the list of VMs that is there.
func (r *Reconciler) addressPools(ctx context.Context, cluster *clusterv1.Cluster, olvm *infrav1.OLVMCluster, e *engine.Engine) error {
	snapshot, err := e.Snapshot(ctx, time.Now().Add(-engine.PollInterval))
	if err != nil {
		return err
	}
	templates := &infrav1.OLVMMachineTemplateList{}
	if err := r.List(ctx, templates, client.InNamespace(cluster.Namespace)); err != nil {
		return fmt.Errorf("list OLVMMachineTemplates: %w", err)
	}
	networks, err := r.networks(ctx, cluster)
	if err != nil {
		return err
	}
	known := &ipamv1.IPAddressList{}
	if err := r.List(ctx, known); err != nil {
		return fmt.Errorf("list IPAddresses: %w", err)
	}
	used := slices.DeleteFunc(templates.Items, func(t infrav1.OLVMMachineTemplate) bool { return !belongs(&t, cluster) })
	held := append(carried(snapshot.Each), claimed(known.Items, e.URL())...)
	olvm.Status.AddressPools = pools(used, olvm.Spec.ControlPlaneEndpoint.Host, networks, held)
	available(olvm)
	return nil
}

// belongs says whether a template is of the cluster: Cluster API makes the Cluster an owner of every template in use.
func belongs(t *infrav1.OLVMMachineTemplate, cluster *clusterv1.Cluster) bool {
	return t.Labels[clusterv1.ClusterNameLabel] == cluster.Name || slices.ContainsFunc(t.OwnerReferences, func(ref metav1.OwnerReference) bool {
		return ref.Kind == "Cluster" && ref.Name == cluster.Name && strings.HasPrefix(ref.APIVersion, clusterv1.GroupVersion.Group+"/")
	})
}

// networks are the engine's ids of the networks that the cluster's machines are on, by name.
func (r *Reconciler) networks(ctx context.Context, cluster *clusterv1.Cluster) (map[string]string, error) {
	machines, err := r.machines(ctx, cluster)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for i := range machines {
		status := machines[i].Status.OLVM
		if status == nil {
			continue
		}
		if status.NetworkID != "" {
			ids[status.NetworkName] = status.NetworkID
		}
		for _, nic := range status.AdditionalNICs {
			if nic.NetworkID != "" {
				ids[nic.NetworkName] = nic.NetworkID
			}
		}
	}
	return ids, nil
}

// carried are the addresses in the marks of VMs.
func carried(each func(func(ovirt.VM))) []holding {
	var list []holding
	each(func(vm ovirt.VM) {
		mark, ok := machine.ParseMark(vm.Comment)
		if !ok {
			return
		}
		for network, a := range mark.Each() {
			list = append(list, holding{a, mark.Cluster, func(id string) bool { return id == network }})
		}
	})
	// VMs come in no order, and of two with one address always the same is to be told.
	slices.SortFunc(list, func(a, b holding) int {
		return cmp.Or(a.address.Compare(b.address), strings.Compare(a.cluster, b.cluster))
	})
	return list
}

// claimed are the addresses that machines have taken, perhaps without a VM so far.
func claimed(known []ipamv1.IPAddress, engineURL string) []holding {
	var list []holding
	for i := range known {
		a, err := netip.ParseAddr(known[i].Spec.Address)
		if err != nil || known[i].Spec.PoolRef.APIGroup != infrav1.Group {
			continue
		}
		list = append(list, holding{
			a, known[i].Namespace + "/" + known[i].Labels[clusterv1.ClusterNameLabel],
			func(id string) bool { return known[i].Name == address.Name(a, engineURL, id) },
		})
	}
	return list
}

// pools are those of the templates; templates with the same ranges on one network share one. A pool that cannot be understood is left
// out: the machines' conditions say so. Before a machine of the cluster is placed, the network's id is not known, and an address counts
// whichever network it is on.
func pools(templates []infrav1.OLVMMachineTemplate, endpoint string, networks map[string]string, held []holding) []infrav1.AddressPoolStatus {
	slices.SortFunc(templates, func(a, b infrav1.OLVMMachineTemplate) int { return strings.Compare(a.Name, b.Name) })
	var list []infrav1.AddressPoolStatus
	for _, t := range templates {
		for _, p := range poolsOf(t.Spec.Template.Spec, endpoint) {
			same := slices.IndexFunc(list, func(s infrav1.AddressPoolStatus) bool {
				return s.Network == p.network && s.Family == p.Family && slices.Equal(s.Ranges, p.Ranges)
			})
			if same >= 0 {
				if !slices.Contains(list[same].Groups, t.Name) { // two NICs of a machine may share one, too
					list[same].Groups = append(list[same].Groups, t.Name)
				}
				continue
			}
			s := infrav1.AddressPoolStatus{Network: p.network, Family: p.Family, Ranges: p.Ranges, Groups: []string{t.Name}}
			count(&s, p.Pool, networks[s.Network], held)
			list = append(list, s)
		}
	}
	return list
}

// networkPool is a pool on a logical network.
type networkPool struct {
	address.NodePool
	network string
}

// poolsOf are the pools of all NICs of a machine; those of another IPAM provider are not among them.
func poolsOf(spec infrav1.OLVMMachineSpec, endpoint string) (list []networkPool) {
	add := func(network string, pools []address.NodePool, err error) {
		for _, p := range pools {
			if err == nil {
				list = append(list, networkPool{p, network})
			}
		}
	}
	if !spec.VirtualMachine.Network.FromPools() {
		pools, err := address.NodePools(spec.VirtualMachine.Network, endpoint)
		add(spec.OLVMNetwork.NetworkName, pools, err)
	}
	for _, nic := range spec.VirtualMachine.AdditionalNICs {
		pools, err := address.NICPools(nic, endpoint)
		add(nic.NetworkName, pools, err)
	}
	return list
}

func count(s *infrav1.AddressPoolStatus, pool address.Pool, networkID string, held []holding) {
	holders := map[netip.Addr]string{}
	for _, h := range held {
		if _, twice := holders[h.address]; !twice && pool.Contains(h.address) && (networkID == "" || h.on(networkID)) {
			holders[h.address] = h.cluster
		}
	}
	byCluster := map[string]int64{}
	for _, cluster := range holders {
		byCluster[cluster]++
	}
	for cluster, n := range byCluster {
		s.UsedBy = append(s.UsedBy, infrav1.AddressPoolUse{Cluster: cluster, Addresses: n})
	}
	slices.SortFunc(s.UsedBy, func(a, b infrav1.AddressPoolUse) int { return strings.Compare(a.Cluster, b.Cluster) })
	s.Total, s.Used = int64(min(pool.Len(), math.MaxInt64)), int64(len(holders))
	s.Free = s.Total - s.Used
}

// available shows pools without a free address; without any pool there is nothing to tell.
func available(olvm *infrav1.OLVMCluster) {
	if len(olvm.Status.AddressPools) == 0 {
		conditions.Delete(olvm, infrav1.AddressesAvailableCondition)
		return
	}
	var exhausted []string
	for _, p := range olvm.Status.AddressPools {
		if p.Free > 0 {
			continue
		}
		var users []string
		for _, u := range p.UsedBy {
			users = append(users, fmt.Sprintf("%d by %s", u.Addresses, u.Cluster))
		}
		exhausted = append(exhausted, fmt.Sprintf("no address is free in the %s pool %s of network %s (of %d usable: %s); "+
			"new machines of OLVMMachineTemplate %s wait until one is given back or ipAddresses there grow, which replaces no machine",
			p.Family, address.Summary(p.Ranges), p.Network, p.Total, cmp.Or(address.Summary(users), "none used"), address.Summary(p.Groups)))
	}
	if len(exhausted) > 0 {
		set(olvm, infrav1.AddressesAvailableCondition, metav1.ConditionFalse, infrav1.PoolExhaustedReason, address.Summary(exhausted))
		return
	}
	set(olvm, infrav1.AddressesAvailableCondition, metav1.ConditionTrue, infrav1.AvailableReason, "")
}

// clusterOf finds the OLVMCluster of an object that a Cluster's name is written on.
func (r *Reconciler) clusterOf(ctx context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[clusterv1.ClusterNameLabel]
	for _, ref := range o.GetOwnerReferences() {
		if ref.Kind == "Cluster" {
			name = cmp.Or(name, ref.Name)
		}
	}
	cluster := &clusterv1.Cluster{}
	if name == "" || r.Get(ctx, client.ObjectKey{Namespace: o.GetNamespace(), Name: name}, cluster) != nil {
		return nil // a cluster that is gone has no pools
	}
	ref := cluster.Spec.InfrastructureRef
	if ref.APIGroup != infrav1.Group || ref.Kind != "OLVMCluster" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: ref.Name}}}
}

// afterAWhile counts the pools again when addresses were taken or given back.
func (r *Reconciler) afterAWhile() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	wake := func(ctx context.Context, o client.Object, q queue) {
		for _, request := range r.clusterOf(ctx, o) {
			q.AddAfter(request, settleTime)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { wake(ctx, e.Object, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { wake(ctx, e.Object, q) },
	}
}
