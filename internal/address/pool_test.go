package address_test

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ocne-project/ocne/internal/address"
)

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, t := range texts {
		out = append(out, netip.MustParseAddr(t))
	}
	return out
}

func pool(t *testing.T, items ...string) address.Pool {
	t.Helper()
	p, err := address.ParsePool(items)
	require.NoError(t, err)
	return p
}

func TestPoolYieldsEachAddressOnceInListOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		items []string
		want  []string
	}{
		"single address":                     {[]string{"192.0.2.7"}, []string{"192.0.2.7"}},
		"range includes both ends":           {[]string{"192.0.2.7-192.0.2.9"}, []string{"192.0.2.7", "192.0.2.8", "192.0.2.9"}},
		"CIDR block is all of its addresses": {[]string{"192.0.2.161/30"}, []string{"192.0.2.160", "192.0.2.161", "192.0.2.162", "192.0.2.163"}},
		"list order, not numeric order":      {[]string{"192.0.2.9", "192.0.2.1-192.0.2.2"}, []string{"192.0.2.9", "192.0.2.1", "192.0.2.2"}},
		"commas inside an item, white space": {[]string{" 192.0.2.9 , 192.0.2.1 - 192.0.2.2\n", ""}, []string{"192.0.2.9", "192.0.2.1", "192.0.2.2"}},
		"overlap comes where it came first": {
			[]string{"192.0.2.2-192.0.2.3", "192.0.2.0/30", "192.0.2.3"},
			[]string{"192.0.2.2", "192.0.2.3", "192.0.2.0", "192.0.2.1"},
		},
		"IPv6 range":                {[]string{"fd00::ffff-fd00::1:1"}, []string{"fd00::ffff", "fd00::1:0", "fd00::1:1"}},
		"the last address there is": {[]string{"255.255.255.254-255.255.255.255"}, []string{"255.255.255.254", "255.255.255.255"}},
		"no items":                  {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := pool(t, tc.items...)
			require.Equal(t, addrs(tc.want...), slices.Collect(p.All()))
			require.Equal(t, uint64(len(tc.want)), p.Len())
			for _, a := range addrs(tc.want...) {
				require.True(t, p.Contains(a), a)
			}
		})
	}
}

func TestBadItemIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		items []string
		want  []string
	}{
		"not an address":            {[]string{"192.0.2.1", "worker-1"}, []string{`"worker-1"`, "CIDR block", "inclusive range", "single address"}},
		"reversed range":            {[]string{"192.0.2.9-192.0.2.1"}, []string{`"192.0.2.9-192.0.2.1"`, "backwards", "CIDR block"}},
		"shortened range":           {[]string{"192.0.2.1-9"}, []string{`"192.0.2.1-9"`, "not a range", "inclusive range"}},
		"prefix too long":           {[]string{"192.0.2.0/33"}, []string{`"192.0.2.0/33"`, "CIDR block"}},
		"two families in a pool":    {[]string{"192.0.2.1", "fd00::1"}, []string{`"fd00::1"`, "IPv6", "IPv4", "one family"}},
		"two families in a range":   {[]string{"192.0.2.1-fd00::1"}, []string{`"192.0.2.1-fd00::1"`, "one family"}},
		"zone":                      {[]string{"fe80::1%eth0"}, []string{`"fe80::1%eth0"`}},
		"IPv4 in IPv6 notation":     {[]string{"::ffff:192.0.2.1"}, []string{`"::ffff:192.0.2.1"`}},
		"bad part of a longer item": {[]string{"192.0.2.1, x"}, []string{`"x"`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := address.ParsePool(tc.items)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestOverlappingItemsAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		items []string
		want  string
	}{
		"ranges that share one address":  {[]string{"192.0.2.1-192.0.2.9", "192.0.2.9-192.0.2.12"}, `"192.0.2.1-192.0.2.9" and "192.0.2.9-192.0.2.12"`},
		"an address in an earlier block": {[]string{"fd00::/64, fd00::7"}, `"fd00::/64" and "fd00::7"`},
		"the same address twice":         {[]string{"192.0.2.1", "192.0.2.1"}, `"192.0.2.1" and "192.0.2.1"`},
		"neighbours":                     {[]string{"192.0.2.1-192.0.2.9", "192.0.2.10"}, ""},
		"two families":                   {[]string{"0.0.0.0/0", "::/0"}, ""},
		"what is not understood":         {[]string{"x", "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := address.CheckOverlap(tc.items)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestFirstAddressOutsideOfASubnet(t *testing.T) {
	subnet := netip.MustParsePrefix("192.0.2.0/24")
	for items, want := range map[string]string{
		"192.0.2.10-192.0.2.20":                  "",
		"192.0.2.250-192.0.3.5":                  "192.0.3.0",
		"192.0.1.250-192.0.2.5":                  "192.0.1.250",
		"192.0.2.10, 198.51.100.1, 198.51.100.2": "198.51.100.1",
		"0.0.0.0/0":                              "0.0.0.0",
		"":                                       "",
	} {
		a, found := pool(t, items).Outside(subnet)
		require.Equal(t, want != "", found, items)
		if found {
			require.Equal(t, want, a.String(), items)
		}
	}
	a, found := pool(t, "fd00::/48").Outside(netip.MustParsePrefix("fd00::/64"))
	require.True(t, found)
	require.Equal(t, "fd00:0:0:1::", a.String(), "found without counting")
}

func TestHugeIPv6PoolIsARangeNotAList(t *testing.T) {
	p := pool(t, "fd00::/64", "fd00::/48").Without(netip.MustParseAddr("fd00::"))
	require.Equal(t, uint64(math.MaxUint64), p.Len(), "the length saturates")
	require.True(t, p.Contains(netip.MustParseAddr("fd00:0:0:ffff::1")))
	require.False(t, p.Contains(netip.MustParseAddr("fd00:0:1::")))
	for a := range p.All() {
		require.Equal(t, netip.MustParseAddr("fd00::1"), a)
		break
	}
	require.Equal(t, uint64(math.MaxUint64), pool(t, "::/0").Len())
	require.Equal(t, uint64(1)<<63, pool(t, "fd00::/65").Len())
	require.Equal(t, uint64(1)<<32, pool(t, "0.0.0.0/0").Len())
}

func TestReservedAddressesAreTakenOut(t *testing.T) {
	subnet := netip.MustParsePrefix("192.0.2.161/29")
	gateway, vip := netip.MustParseAddr("192.0.2.161"), netip.MustParseAddr("192.0.2.164")
	p := pool(t, "192.0.2.160/29")
	free := p.Without(address.Reserved(subnet, gateway, vip)...)

	require.Equal(t, addrs("192.0.2.162", "192.0.2.163", "192.0.2.165", "192.0.2.166"), slices.Collect(free.All()))
	require.Equal(t, "192.0.2.162-192.0.2.163, 192.0.2.165-192.0.2.166", free.String())
	require.Equal(t, uint64(8), p.Len(), "the pool that it was made from is as before")
}

func TestReserved(t *testing.T) {
	var none netip.Addr
	for name, tc := range map[string]struct {
		subnet       string
		gateway, vip netip.Addr
		want         []string
	}{
		"IPv4": {
			"192.0.2.0/24", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.9"),
			[]string{"192.0.2.0", "192.0.2.255", "192.0.2.1", "192.0.2.9"},
		},
		"IPv6 has no broadcast":           {"fd00::5/64", netip.MustParseAddr("fd00::1"), none, []string{"fd00::", "fd00::1"}},
		"no gateway, no virtual IP":       {"198.51.100.0/30", none, none, []string{"198.51.100.0", "198.51.100.3"}},
		"point to point loses no address": {"192.0.2.0/31", none, none, nil},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, addrs(tc.want...), address.Reserved(netip.MustParsePrefix(tc.subnet), tc.gateway, tc.vip))
		})
	}
}

func TestNameIsAValidObjectName(t *testing.T) {
	const engine, network = "https://engine.example.com/ovirt-engine", "00000000-0000-0000-0000-000000000009"
	name := func(a string) string { return address.Name(netip.MustParseAddr(a), engine, network) }

	require.Regexp(t, `^192\.0\.2\.161-[0-9a-f]{8}$`, name("192.0.2.161"))
	require.Regexp(t, `^fd00-0000-0000-0000-0000-0000-0000-0001-[0-9a-f]{8}$`, name("fd00::1"))
	require.Regexp(t, `^0000-(0000-){6}0000-[0-9a-f]{8}$`, name("::"), "the short form would begin and end with a dash")
	require.Equal(t, name("192.0.2.161"), name("::ffff:192.0.2.161"))
	for _, a := range []string{"192.0.2.161", "fd00::1", "::"} {
		require.Empty(t, validation.IsDNS1123Subdomain(name(a)))
	}
}

func TestNameDiffersByEngineAndNetworkOnly(t *testing.T) {
	a := netip.MustParseAddr("192.0.2.161")
	base := address.Name(a, "https://engine.example.com/ovirt-engine", "n1")
	require.Equal(t, base, address.Name(a, "https://Engine.example.com/ovirt-engine/", "n1"), "another spelling of one engine")
	require.NotEqual(t, base, address.Name(a, "https://engine.example.com/ovirt-engine", "n2"))
	require.NotEqual(t, base, address.Name(a, "https://other.example.com/ovirt-engine", "n1"))
}

func FuzzParsePool(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.1", "192.0.2.0/28", "192.0.2.1-192.0.2.9, 192.0.2.4/30", "fd00::/64,fd00::1-fd00::2", "255.255.255.255", "::/0", "::ffff:0:0/96",
		"192.0.2.9-192.0.2.1", "a-b", "-", "/", "fe80::1%eth0", "1.2.3.4,,5.6.7.8", "0.0.0.0/0, ::1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := address.ParsePool([]string{text})
		if err != nil {
			require.ErrorContains(t, err, "addresses ")
			return
		}
		again, err := address.ParsePool(strings.Split(p.String(), ", "))
		require.NoError(t, err, "a pool's own notation is read back")
		require.Equal(t, p.String(), again.String())
		require.Equal(t, p.Len(), again.Len())
		seen := map[netip.Addr]bool{}
		for a := range p.All() {
			require.True(t, p.Contains(a))
			require.False(t, seen[a], "%s comes twice", a)
			if seen[a] = true; len(seen) == 300 {
				break
			}
		}
		require.Equal(t, min(p.Len(), 300), uint64(len(seen)))
	})
}
