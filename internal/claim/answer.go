package claim

import (
	"cmp"
	"fmt"
	"net/netip"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"
	"sigs.k8s.io/cluster-api/util/conditions"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

// unanswered tells what the provider says of a claim that has no address.
func unanswered(claim *ipamv1.IPAddressClaim) *PendingError {
	subject := fmt.Sprintf("IPAddressClaim %s to %s %s", claim.Name, claim.Spec.PoolRef.Kind, claim.Spec.PoolRef.Name)
	status, reason, words := answer(claim)
	switch {
	case status == "":
		return &PendingError{
			Reason: infrav1.WaitingForAddressReason, Message: subject + " is not answered yet; an IPAM provider of that kind of pool must run",
		}
	case status == string(metav1.ConditionTrue):
		return &PendingError{Reason: infrav1.WaitingForAddressReason, Message: subject + " is Ready and names no address yet"}
	}
	pending := &PendingError{Reason: infrav1.WaitingForAddressReason, Message: subject + ": " + cmp.Or(reason, status)}
	if words != "" {
		pending.Message += ": " + words
	}
	switch reason {
	case ipamv1.IPAddressClaimReadyPoolExhaustedReason:
		pending.Reason = infrav1.PoolExhaustedReason
	case ipamv1.IPAddressClaimReadyAllocationFailedReason:
		pending.Reason = infrav1.AllocationFailedReason
	case ipamv1.IPAddressClaimReadyPoolNotReadyReason:
		pending.Reason = infrav1.PoolNotReadyReason
	}
	return pending
}

// answer is the claim's Ready condition: the current one, or that of a provider that writes the API's former version.
func answer(claim *ipamv1.IPAddressClaim) (status, reason, words string) {
	if c := conditions.Get(claim, ipamv1.IPAddressClaimReadyCondition); c != nil {
		return string(c.Status), c.Reason, c.Message
	}
	for _, c := range claim.GetV1Beta1Conditions() {
		if string(c.Type) == ipamv1.IPAddressClaimReadyCondition {
			return string(c.Status), c.Reason, c.Message
		}
	}
	return "", "", ""
}

// read checks what the provider gave.
func read(claim *ipamv1.IPAddressClaim, given *ipamv1.IPAddress) (Address, error) {
	unusable := func(format string, args ...any) (Address, error) {
		return Address{}, &PendingError{infrav1.AddressUnusableReason,
			fmt.Sprintf("IPAddress %s, which %s %s gave, ", given.Name, claim.Spec.PoolRef.Kind, claim.Spec.PoolRef.Name) +
				fmt.Sprintf(format, args...) + ": correct the pool", lookAgain}
	}
	switch {
	case given.Spec.ClaimRef.Name != claim.Name:
		return unusable("is of IPAddressClaim %s and not of %s", given.Spec.ClaimRef.Name, claim.Name)
	case !given.DeletionTimestamp.IsZero():
		return unusable("is being deleted")
	case given.Spec.Prefix == nil:
		return unusable("has no prefix")
	}
	a, err := netip.ParseAddr(given.Spec.Address)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		return unusable("has no valid address (%q)", given.Spec.Address)
	}
	prefix := netip.PrefixFrom(a, int(*given.Spec.Prefix))
	if !prefix.IsValid() {
		return unusable("has the prefix %d, which %s cannot have", *given.Spec.Prefix, a)
	}
	if given.Spec.Gateway == "" {
		return Address{Prefix: prefix}, nil
	}
	gateway, err := netip.ParseAddr(given.Spec.Gateway)
	if err != nil || gateway.Is4() != a.Is4() {
		return unusable("has the gateway %q, which is no address of its family", given.Spec.Gateway)
	}
	return Address{Prefix: prefix, Gateway: gateway}, nil
}

func refersTo(ref ipamv1.IPPoolReference, pool infrav1.PoolReference) bool {
	return ref.APIGroup == pool.APIGroup && ref.Kind == pool.Kind && ref.Name == pool.Name
}
