package claim

import (
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ipamv1 "sigs.k8s.io/cluster-api/api/ipam/v1beta2"

	infrav1 "github.com/ocne-project/ocne/api/v1"
)

func newClaim() *ipamv1.IPAddressClaim {
	c := &ipamv1.IPAddressClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m-0"}}
	c.Spec.PoolRef = ipamv1.IPPoolReference{APIGroup: "ipam.example.com", Kind: "Pool", Name: "nodes"}
	return c
}

func TestWhatAProviderSaysIsShownInItsWords(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, words   string
		want, contained string
	}{
		"no answer":      {"", "", infrav1.WaitingForAddressReason, "is not answered yet"},
		"exhausted":      {"PoolExhausted", "all 5 in use", infrav1.PoolExhaustedReason, "IPAddressClaim m-0 to Pool nodes: PoolExhausted: all 5 in use"},
		"failed":         {"AllocationFailed", "no route to NetBox", infrav1.AllocationFailedReason, "AllocationFailed: no route to NetBox"},
		"pool not ready": {"PoolNotReady", "", infrav1.PoolNotReadyReason, "Pool nodes: PoolNotReady"},
		"its own reason": {"Throttled", "later", infrav1.WaitingForAddressReason, "Throttled: later"},
	} {
		t.Run(name, func(t *testing.T) {
			current, former := newClaim(), newClaim()
			if tc.reason != "" {
				current.SetConditions([]metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: tc.reason, Message: tc.words}})
				//nolint:staticcheck // what older IPAM providers set
				former.SetV1Beta1Conditions(clusterv1.Conditions{{Type: "Ready", Status: "False", Reason: tc.reason, Message: tc.words}})
			}
			for _, c := range []*ipamv1.IPAddressClaim{current, former} {
				pending := unanswered(c)
				require.Equal(t, tc.want, pending.Reason)
				require.Contains(t, pending.Message, tc.contained)
				require.Zero(t, pending.Wake, "the claim's change tells, nobody polls")
			}
		})
	}
}

func TestOnlyAddressesThatANodeCanUseAreTaken(t *testing.T) {
	spec := func(a string, prefix int32, gateway string) ipamv1.IPAddressSpec {
		return ipamv1.IPAddressSpec{ClaimRef: ipamv1.IPAddressClaimReference{Name: "m-0"}, Address: a, Prefix: ptr.To(prefix), Gateway: gateway}
	}
	foreign, bare := spec("192.0.2.7", 24, ""), spec("192.0.2.7", 24, "")
	foreign.ClaimRef.Name, bare.Prefix = "m-1", nil
	for name, tc := range map[string]struct {
		spec ipamv1.IPAddressSpec
		err  string
	}{
		"with a gateway":              {spec("192.0.2.7", 24, "192.0.2.1"), ""},
		"without one":                 {spec("fd00::7", 64, ""), ""},
		"a link-local router":         {spec("fd00::7", 64, "fe80::1"), ""},
		"of another claim":            {foreign, "is of IPAddressClaim m-1 and not of m-0"},
		"no prefix":                   {bare, "has no prefix"},
		"no address":                  {spec("nodes.example.com", 24, ""), "has no valid address"},
		"IPv4 in IPv6 notation":       {spec("::ffff:192.0.2.7", 24, ""), "has no valid address"},
		"a prefix that is too long":   {spec("192.0.2.7", 33, ""), "has the prefix 33"},
		"a gateway of another family": {spec("192.0.2.7", 24, "fd00::1"), `has the gateway "fd00::1"`},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := read(newClaim(), &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{Name: "m-0"}, Spec: tc.spec})
			if tc.err != "" {
				var pending *PendingError
				require.ErrorAs(t, err, &pending)
				require.Equal(t, infrav1.AddressUnusableReason, pending.Reason)
				require.Contains(t, pending.Message, "Pool nodes gave, "+tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.spec.Address, a.Prefix.Addr().String())
			require.EqualValues(t, *tc.spec.Prefix, a.Prefix.Bits())
			require.Equal(t, tc.spec.Gateway != "", a.Gateway.IsValid())
		})
	}
	leaving := &ipamv1.IPAddress{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: ptr.To(metav1.Now())}, Spec: spec("192.0.2.7", 24, "")}
	_, err := read(newClaim(), leaving)
	require.ErrorContains(t, err, "is being deleted")
}

func TestALostOwnerIsTakenBackAndAForeignOneLeft(t *testing.T) {
	owner := &infrav1.OLVMMachine{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "m", UID: "new"}}
	kind := infrav1.GroupVersion().WithKind("OLVMMachine")
	reference := func(kind, name, uid string, controls bool) metav1.OwnerReference {
		ref := metav1.OwnerReference{APIVersion: infrav1.GroupVersion().String(), Kind: kind, Name: name, Controller: &controls}
		ref.UID = "old"
		if uid != "" {
			ref.UID = "new"
		}
		return ref
	}
	for name, tc := range map[string]struct {
		have  []metav1.OwnerReference
		taken bool
		left  int
	}{
		"nobody":                        {nil, true, 1},
		"the same machine, moved":       {[]metav1.OwnerReference{reference("OLVMMachine", "m", "", true)}, true, 1},
		"itself, but no controller":     {[]metav1.OwnerReference{reference("OLVMMachine", "m", "new", false)}, true, 1},
		"somebody else beside":          {[]metav1.OwnerReference{reference("OLVMCluster", "c", "", false)}, true, 2},
		"another machine":               {[]metav1.OwnerReference{reference("OLVMMachine", "n", "", true)}, false, 1},
		"another kind of the same name": {[]metav1.OwnerReference{reference("OLVMCluster", "m", "", true)}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClaim()
			c.OwnerReferences = tc.have
			require.Equal(t, tc.taken, Adopt(c, owner, kind))
			require.Equal(t, tc.taken, metav1.IsControlledBy(c, owner))
			require.Len(t, c.OwnerReferences, tc.left)
		})
	}
}
