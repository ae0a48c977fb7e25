package olvmmachine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/claim"
	"github.com/ocne-project/ocne/internal/machine"
)

// +kubebuilder:rbac:groups=ipam.cluster.x-k8s.io,resources=ipaddressclaims,verbs=list;watch;create;patch;delete

func (r *Reconciler) claims() claim.Claims {
	return claim.Claims{Client: r.Client, Reader: r.APIReader}
}

// addressesFromPools asks the pools' IPAM providers, all at once, and waits for the first that has not given an address. The names of the
// claims begin as the caller says.
func (r *Reconciler) addressesFromPools(
	ctx context.Context, s subject, d machine.Desired, names string, pools []infrav1.PoolReference, held map[netip.Addr]string,
) ([]claim.Address, error) {
	var got []claim.Address
	var pending error
	for i, pool := range pools {
		a, err := r.claims().Address(ctx, claim.Request{
			Name: fmt.Sprintf("%s-%d", names, i), Owner: s.olvm, Kind: machineKind(), Cluster: s.cluster.Name, Pool: pool,
			Finalizer: infrav1.MachineFinalizer, Label: machineLabel, Settled: d.MayTakeEffect(time.Now()),
		})
		var waits *claim.PendingError
		if err != nil && !errors.As(err, &waits) {
			return nil, err
		}
		pending = cmp.Or(pending, err)
		got = append(got, a)
	}
	if pending != nil {
		return nil, pending
	}
	return got, unheld(got, held, d)
}

// unheld refuses an address that another VM carries: two nodes with one address are worse than a machine that waits.
func unheld(got []claim.Address, held map[netip.Addr]string, d machine.Desired) error {
	for _, a := range got {
		if vm, taken := held[a.Prefix.Addr()]; taken && !d.MayTakeEffect(time.Now()) {
			return &claim.PendingError{Reason: infrav1.AddressConflictReason, Wake: waitForAddress, Message: fmt.Sprintf(
				"the IPAM provider gave %s, which VM %s carries: take the address out of the pool and delete the Machine, or remove that VM",
				a.Prefix.Addr(), vm)}
		}
	}
	return nil
}

// oneOfEach sorts addresses by family, of which each has at most one.
func oneOfEach(got []claim.Address) (won, error) {
	var w won
	for _, a := range got {
		same := w.ipv6
		if a.Prefix.Addr().Is4() {
			same = w.ipv4
		}
		if same.prefix.IsValid() {
			return won{}, fmt.Errorf("addressesFromPools: both pools gave addresses of one family, %s and %s; name one pool of each family",
				same.prefix.Addr(), a.Prefix.Addr())
		}
		w.add(taken{a.Prefix, a.Gateway})
	}
	return w, nil
}

// together checks that there is one address of each family, IPv4 among them.
func together(got []claim.Address, network infrav1.Network) (won, error) {
	w, err := oneOfEach(got)
	if err != nil {
		return won{}, err
	}
	if !w.ipv4.prefix.IsValid() {
		return won{}, errors.New("addressesFromPools: no pool gave an IPv4 address, and IPv6 alone is not supported; name an IPv4 pool, too")
	}
	if network.Gateway != "" {
		gateway, err := network.GatewayAddress()
		if err != nil {
			return won{}, err
		}
		w.ipv4.gateway = gateway
	}
	return w, nil
}

// awaited shows what an IPAM provider says while there is no address; a change of the claim wakes us.
func awaited(olvm *infrav1.OLVMMachine, pending *claim.PendingError) ctrl.Result {
	show(olvm, machine.Plan{Reason: pending.Reason, Message: "cannot choose an address: " + pending.Message})
	conditions.Set(olvm, metav1.Condition{
		Type: infrav1.AddressesWonCondition, Status: metav1.ConditionFalse, Reason: pending.Reason, Message: pending.Message,
	})
	return ctrl.Result{RequeueAfter: pending.Wake}
}

// releaseClaims gives back what IPAM providers gave.
func (r *Reconciler) releaseClaims(ctx context.Context, olvm *infrav1.OLVMMachine, given []client.Object) error {
	claims := &ipamv1.IPAddressClaimList{}
	if err := r.APIReader.List(ctx, claims, client.InNamespace(olvm.Namespace), client.MatchingLabels{machineLabel: olvm.Name}); err != nil {
		return fmt.Errorf("list IPAddressClaims: %w", err)
	}
	for i := range claims.Items {
		given = append(given, &claims.Items[i])
	}
	return r.claims().Release(ctx, infrav1.MachineFinalizer, given...)
}
