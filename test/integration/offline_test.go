package integration

import (
	"net/url"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/test/programs"
)

// A machine may have no default route, or no network at all, when somebody looks at the demo.
func TestControlPlaneStartsWithoutADefaultRoute(t *testing.T) {
	t.Parallel()
	path := programs.Path(t, "ocne-controlplane")
	isolated := []string{"--net"}
	if os.Geteuid() != 0 {
		isolated = append(isolated, "--map-root-user")
	}
	const loopback = "ip link set lo up"
	if out, err := exec.Command("unshare", append(slices.Clone(isolated), "sh", "-c", loopback)...).CombinedOutput(); err != nil {
		t.Skipf("this machine makes no network namespace (unshare of util-linux, ip of iproute2): %v: %s", err, out)
	}
	var ready controlPlaneReady
	arguments := append(slices.Clone(isolated), "sh", "-c", loopback+` && exec "$0" "$@"`, path, "--dir", t.TempDir(), "--fsync=false")
	programs.Start(t, &ready, nil, "unshare", arguments...)
	server, err := url.Parse(ready.Server)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", server.Hostname())
}
