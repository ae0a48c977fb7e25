package loadbalancer_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPIServerThatSaidItIsLiveIsAskedAgainAfterSeconds(t *testing.T) {
	r := newRefresher(t, true)
	healthy(t, r)
	curl, err := exec.LookPath("curl")
	require.NoError(t, err)
	r.run() // makes the folder for what was said
	require.NoError(t, os.MkdirAll(r.path("state"), 0o755))
	r.becomesEligible("")
	r.write("settings", r.read("settings")+"LIVE_FOR=1000\nPATH="+r.path("bin")+":$PATH\n")
	r.write("bin/curl", "#!/bin/bash\nexit 7\n")
	require.True(t, r.eligible(), "it has just said so")
	r.age("state/live", 1000)
	require.False(t, r.eligible())
	require.False(t, r.exists("state/live"), "and it is asked each time from then on")
	r.write("bin/curl", "#!/bin/bash\nexec "+curl+" \"$@\"\n")
	r.becomesEligible("")
	r.write("settings", r.read("settings")+"API_PORT=1\n")
	require.False(t, r.eligible(), "it takes no connections: what it said before does not count")
}

// healthy is an NGINX that says it is well.
func healthy(t *testing.T, r refresher) int {
	t.Helper()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "ok")
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	port := listener.Addr().(*net.TCPAddr).Port
	r.write("settings", r.read("settings")+"HEALTH_PORT="+strconv.Itoa(port)+"\n")
	return port
}

func TestNodeIsEligibleOnlyWithBothNGINXAndTheAPIServer(t *testing.T) {
	r := newRefresher(t, true)
	require.False(t, r.eligible(), "NGINX does not run")
	healthy(t, r)
	r.becomesEligible("")
	r.write("livez", "500")
	require.Eventually(t, func() bool { return !r.eligible() }, patience, 50*time.Millisecond, "the API server is there, but not live")
	r.write("livez", "200")
	r.becomesEligible("")

	var lc net.ListenConfig
	hung, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	defer hung.Close()
	r.write("settings", r.read("settings")+"HEALTH_PORT="+strconv.Itoa(hung.Addr().(*net.TCPAddr).Port)+"\n")
	require.False(t, r.eligible(), "NGINX hangs")
}
