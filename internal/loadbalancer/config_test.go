package loadbalancer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/loadbalancer"
)

const debianModuleFiles = "/etc/nginx/modules-enabled/*mod-stream.conf"

func config() loadbalancer.Config {
	return loadbalancer.Config{
		VirtualIP: netip.MustParseAddr("10.90.0.100"), Port: 6443, APIServerPort: 6444,
		Device: "enp1s0", Address: netip.MustParsePrefix("10.90.0.11/24"),
		Image: loadbalancer.Image{Keepalived: "/usr/sbin/keepalived", NGINX: loadbalancer.NGINX{
			Unit: "ocne-nginx.service", Configuration: "/etc/ocne/nginx/nginx.conf",
			ModuleFiles: []string{debianModuleFiles, "/usr/share/nginx/modules/*mod-stream.conf"},
			Start:       "/usr/sbin/nginx -c /etc/ocne/nginx/nginx.conf -g 'daemon off;'",
			Reload:      "/bin/kill -HUP $MAINPID", Test: "/usr/sbin/nginx -t -q -c /etc/ocne/nginx/nginx.conf.new",
		}},
	}
}

func files(t testing.TB, c loadbalancer.Config) map[string]loadbalancer.File {
	t.Helper()
	list, err := loadbalancer.Files(c)
	require.NoError(t, err)
	byPath := map[string]loadbalancer.File{}
	for _, f := range list {
		byPath[f.Path] = f
	}
	return byPath
}

func TestNodesOfAClusterHaveDistinctPriorities(t *testing.T) {
	for _, first := range []string{"10.90.0.0", "192.168.255.200", "172.16.3.77"} {
		seen := map[int]netip.Addr{}
		address := netip.MustParseAddr(first)
		for range 200 {
			c := config()
			c.Address = netip.PrefixFrom(address, 16)
			p := c.Priority()
			require.True(t, p >= 1 && p <= 254, "%d of %s: 255 is for the owner of an address, 0 gives it up", p, address)
			require.NotContains(t, seen, p, "%s", address)
			seen[p] = address
			address = address.Next()
		}
	}
}

func TestVirtualRouterIDFollowsFromTheVirtualIP(t *testing.T) {
	for _, tc := range []struct {
		virtualIP string
		setting   int32
		want      int
	}{{"10.90.0.100", 0, 100}, {"10.90.0.255", 0, 255}, {"10.90.1.0", 0, 255}, {"10.90.0.100", 51, 51}} {
		c := config()
		c.VirtualIP, c.Settings.VirtualRouterID = netip.MustParseAddr(tc.virtualIP), tc.setting
		require.Equal(t, tc.want, c.VirtualRouterID(), tc.virtualIP)
	}
}

func TestHealthPortIsNobodyElses(t *testing.T) {
	for _, tc := range []struct{ port, api, want int }{{6443, 6444, 6445}, {6445, 6444, 6446}, {6445, 6446, 6447}, {6446, 6445, 6447}} {
		c := config()
		c.Port, c.APIServerPort = tc.port, tc.api
		require.Equal(t, tc.want, c.HealthPort())
	}
}

func TestSettingsReachTheFiles(t *testing.T) {
	c := config()
	standard := files(t, c)
	keepalived := standard[loadbalancer.KeepalivedConfiguration].Text
	for _, line := range []string{"advert_int 1\n", "interval 1\n", "timeout 3\n", "fall 2\n", "rise 2\n", "virtual_router_id 100\n", "nopreempt\n", "init_fail\n"} {
		require.Contains(t, keepalived, line)
	}
	require.Contains(t, standard["/etc/ocne/load-balancer/settings"].Text, "\nHOLD=30\nLOST=60\nFORGET=120\n")

	c.Settings = infrav1.LoadBalancer{
		VirtualRouterID: 7, AdvertIntervalMilliseconds: 250, CheckIntervalSeconds: 5, CheckTimeoutSeconds: 4, CheckFall: 10, CheckRise: 3,
		RefreshIntervalSeconds: 20,
	}
	changed := files(t, c)
	keepalived = changed[loadbalancer.KeepalivedConfiguration].Text
	for _, line := range []string{"advert_int 0.25\n", "interval 5\n", "timeout 4\n", "fall 10\n", "rise 3\n", "virtual_router_id 7\n"} {
		require.Contains(t, keepalived, line)
	}
	require.Contains(t, changed["/etc/ocne/load-balancer/settings"].Text, "\nHOLD=60\nLOST=120\nFORGET=240\n")
	units, err := loadbalancer.Units(c)
	require.NoError(t, err)
	require.Contains(t, units[3].Contents, "OnUnitInactiveSec=20s\n")
}

func TestKeepalivedComesBackOnlyAfterAnotherNodeTookOver(t *testing.T) {
	for interval, want := range map[int32]string{100: "RestartSec=5\n", 0: "RestartSec=5\n", 1500: "RestartSec=7\n", 10000: "RestartSec=41\n"} {
		c := config()
		c.Settings.AdvertIntervalMilliseconds = interval
		units, err := loadbalancer.Units(c)
		require.NoError(t, err)
		require.Equal(t, "keepalived.service", units[0].Name)
		require.Contains(t, units[0].Dropin, want)
	}
}

func TestOnlyNodesWithIPv6ListenToIt(t *testing.T) {
	c := config()
	require.Contains(t, files(t, c)["/etc/ocne/nginx/nginx.conf"].Text, "listen 6443 backlog")
	c.DualStack = true
	require.Contains(t, files(t, c)["/etc/ocne/nginx/nginx.conf"].Text, "listen [::]:6443 ipv6only=off backlog")
}

func TestOnlyTheNodeThatMakesTheClusterHasTheFirstMark(t *testing.T) {
	c := config()
	require.NotContains(t, files(t, c), "/etc/ocne/load-balancer/first")
	c.First = true
	require.Contains(t, files(t, c), "/etc/ocne/load-balancer/first")
}

func TestLoadBalancerThatCannotWorkIsRefusedWithWhatToDo(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*loadbalancer.Config)
		want   []string
	}{
		"a host name":              {func(c *loadbalancer.Config) { c.VirtualIP = netip.Addr{} }, []string{"not an IPv4 address", "External"}},
		"IPv6":                     {func(c *loadbalancer.Config) { c.VirtualIP = netip.MustParseAddr("fd90::1") }, []string{"not an IPv4 address", "External"}},
		"one port for both":        {func(c *loadbalancer.Config) { c.APIServerPort = 6443 }, []string{"port 6443", "localAPIEndpoint.bindPort", "External"}},
		"no address":               {func(c *loadbalancer.Config) { c.Address = netip.Prefix{} }, []string{"no IPv4 address"}},
		"a node with the endpoint": {func(c *loadbalancer.Config) { c.VirtualIP = c.Address.Addr() }, []string{"10.90.0.11", "choose a virtual IP"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			tc.change(&c)
			_, err := loadbalancer.Files(c)
			_, again := loadbalancer.Units(c)
			require.Equal(t, err, again)
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestLinesStayShortEnoughToRead(t *testing.T) {
	for path, f := range files(t, config()) {
		for line := range strings.Lines(f.Text) {
			require.LessOrEqual(t, len(line), 151, path)
			require.NotContains(t, line, "<no value>", path)
		}
	}
}
