package loadbalancer_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/loadbalancer"
)

// refresher runs refresh.sh of a node with real bash, curl and jq against an API server, in folders of its own. systemctl and the checks
// of the configurations only note that they were called.
type refresher struct {
	*testing.T
	dir string
}

func newRefresher(t *testing.T, first bool) refresher {
	t.Helper()
	for _, name := range []string{"bash", "curl", "jq"} {
		program(t, name)
	}
	r := refresher{t, t.TempDir()}
	pki(t, r.dir)
	c := config()
	c.APIServerPort, c.First = apiServer(t, r.dir), first
	for path, f := range files(t, c) {
		text := f.Text
		if filepath.Base(path) == "settings" {
			for from, to := range map[string]string{
				"CA=/etc/kubernetes/pki/ca.crt": "CA=" + r.path("ca.crt"), "/etc/kubernetes/kubelet.conf": r.path("kubelet.conf"),
				"/run/ocne-load-balancer": r.path("state"), "FIRST=/etc/ocne/load-balancer/first": "FIRST=" + r.path("first"),
				"KEEPALIVED=" + loadbalancer.KeepalivedConfiguration: "KEEPALIVED=" + r.path("keepalived.conf"),
				"NGINX=/etc/ocne/nginx/nginx.conf":                   "NGINX=" + r.path("nginx.conf"),
			} {
				require.Contains(t, text, from)
				text = strings.Replace(text, from, to, 1)
			}
			for _, name := range []string{"KEEPALIVED_TEST", "NGINX_TEST"} {
				text += name + "=" + r.path(name) + "\n"
			}
		}
		r.write(filepath.Base(path), text)
	}
	r.write("bin/systemctl", "#!/bin/bash\necho \"$*\" >>"+r.path("systemctl.log")+"\n")
	r.write("KEEPALIVED_TEST", "#!/bin/bash\ntrue\n")
	r.write("NGINX_TEST", "#!/bin/bash\ntrue\n")
	r.write("kubelet.conf", "users:\n- name: default-auth\n  user:\n    client-certificate: "+r.path("kubelet.pem")+"\n    client-key: "+r.path("kubelet.pem")+"\n")
	return r
}

func (r refresher) path(name string) string { return filepath.Join(r.dir, name) }

func (r refresher) write(name, text string) {
	r.Helper()
	require.NoError(r, os.MkdirAll(filepath.Dir(r.path(name)), 0o755))
	require.NoError(r, os.WriteFile(r.path(name), []byte(text), 0o755))
}

func (r refresher) read(name string) string {
	r.Helper()
	text, err := os.ReadFile(r.path(name))
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(r, err)
	return string(text)
}

func (r refresher) exists(name string) bool {
	_, err := os.Stat(r.path(name))
	return err == nil
}

// run refreshes and returns what it said.
func (r refresher) run() string {
	r.Helper()
	command := exec.CommandContext(r.Context(), "bash", r.path("refresh.sh"), r.path("settings"))
	command.Env = []string{"PATH=" + r.path("bin") + ":" + os.Getenv("PATH")}
	out, err := command.CombinedOutput()
	if err != nil {
		require.IsType(r, &exec.ExitError{}, err, string(out))
	}
	return string(out)
}

// eligible runs the check that Keepalived runs.
func (r refresher) eligible() bool {
	r.Helper()
	return exec.CommandContext(r.Context(), "bash", r.path("check-eligible.sh"), r.path("settings")).Run() == nil
}

// becomesEligible waits, because the check gives a busy machine little time.
func (r refresher) becomesEligible(why string) {
	r.Helper()
	require.Eventually(r, r.eligible, patience, 50*time.Millisecond, why)
}

// age makes a time that the node writes down older. On a busy machine the API server may have been too slow for the refresh.
func (r refresher) age(name string, seconds int) {
	r.Helper()
	for end := time.Now().Add(patience); !r.exists(name) && time.Now().Before(end); {
		r.run()
	}
	at, err := strconv.Atoi(strings.TrimSpace(r.read(name)))
	require.NoError(r, err, name)
	r.write(name, strconv.Itoa(at-seconds))
}

func (r refresher) listed(addresses ...string) { r.write("endpoints", strings.Join(addresses, "\n")) }

// others are the lines between the marks.
func (r refresher) others(file string) []string {
	r.Helper()
	_, after, found := strings.Cut(r.read(file), "# others\n")
	require.True(r, found)
	between, _, found := strings.Cut(after, "        # end of others\n")
	require.True(r, found)
	return strings.Fields(between)
}

func (r refresher) backends() []string {
	r.Helper()
	var list []string
	for _, word := range r.others("nginx.conf") {
		if host, _, err := net.SplitHostPort(word); err == nil {
			list = append(list, host)
		}
	}
	return list
}

func TestListsFollowTheAPIServers(t *testing.T) {
	r := newRefresher(t, true)
	before := r.read("keepalived.conf")
	r.listed("10.90.0.11")
	r.run()
	require.Equal(t, before, r.read("keepalived.conf"))
	require.Empty(t, r.read("systemctl.log"), "nothing changed, nothing is loaded again")

	r.listed("10.90.0.13", "10.90.0.11", "10.90.0.12")
	require.Empty(t, r.run())
	require.Equal(t, []string{"10.90.0.12", "10.90.0.13"}, r.others("keepalived.conf"))
	require.Equal(t, []string{"10.90.0.12", "10.90.0.13"}, r.backends())
	require.Equal(t, "try-reload-or-restart keepalived.service\ntry-reload-or-restart ocne-nginx.service\n", r.read("systemctl.log"),
		"adverts first")
	alone := strings.NewReplacer("        10.90.0.12\n", "", "        10.90.0.13\n", "        127.0.0.1\n").Replace(r.read("keepalived.conf"))
	require.Equal(t, before, alone)

	r.run()
	require.Len(t, strings.Fields(r.read("systemctl.log")), 4, "not again")
}

func TestAFileThatLostItsContentIsToldEachTime(t *testing.T) {
	r := newRefresher(t, true)
	r.listed("10.90.0.11")
	r.write("keepalived.conf", "")
	for range 2 {
		require.Contains(t, r.run(), "keepalived.conf.new is not used: it does not hold vrrp_instance")
	}
	require.False(t, r.exists("state/settled"))
}

func TestNodeThatIsNoLongerListedGetsNoConnectionsButAdvertsForAWhile(t *testing.T) {
	r := newRefresher(t, true)
	r.listed("10.90.0.11", "10.90.0.12", "10.90.0.13")
	r.run()
	r.listed("10.90.0.11", "10.90.0.13")
	r.run()
	require.Equal(t, []string{"10.90.0.13"}, r.backends())
	require.Equal(t, []string{"10.90.0.12", "10.90.0.13"}, r.others("keepalived.conf"))

	r.age("state/peers/10.90.0.12", 120)
	r.run()
	require.Equal(t, []string{"10.90.0.13"}, r.others("keepalived.conf"))

	require.NoError(t, os.RemoveAll(r.path("state")))
	r.listed("10.90.0.11")
	r.run()
	require.Equal(t, []string{"10.90.0.13"}, r.others("keepalived.conf"), "after a boot the nodes that it knew get adverts, too")

	r.age("state/peers/10.90.0.13", 120)
	r.run()
	require.Equal(t, []string{"127.0.0.1"}, r.others("keepalived.conf"), "never an empty list, with which Keepalived would send multicast")
	require.NoError(t, os.RemoveAll(r.path("state")))
	r.run()
	require.Equal(t, []string{"127.0.0.1"}, r.others("keepalived.conf"))
	require.False(t, r.exists("state/peers/127.0.0.1"), "it is no node that the others could forget")
}

func TestJoiningNodeMayHoldTheVirtualIPOnlyOnceTheOthersKnowIt(t *testing.T) {
	r := newRefresher(t, false)
	port := healthy(t, r)
	require.NotZero(t, port)
	require.False(t, r.eligible(), "before it read the list")
	r.listed("10.90.0.12")
	r.run()
	require.False(t, r.eligible(), "before it is in the list")
	r.listed("10.90.0.11", "10.90.0.12")
	r.run()
	require.Equal(t, []string{"10.90.0.12"}, r.others("keepalived.conf"), "its own lists do not wait")
	require.False(t, r.eligible(), "before the others read the list")
	r.age("state/listed", 15)
	r.run()
	require.False(t, r.eligible())
	r.age("state/listed", 15)
	require.Contains(t, r.run(), "this node may hold the virtual IP")
	r.becomesEligible("")
	require.Empty(t, r.run(), "it says so once")
}

func TestFirstNodeWaitsForNobody(t *testing.T) {
	r := newRefresher(t, true)
	healthy(t, r)
	r.becomesEligible("kubeadm needs the virtual IP before the kubelet has credentials")
	r.listed("10.90.0.11")
	r.run()
	require.False(t, r.exists("first"), "after its next boot it is one of several")
	r.becomesEligible("")
	require.NoError(t, os.RemoveAll(r.path("state")))
	require.False(t, r.eligible())
	r.run()
	r.becomesEligible("alone, it waits for nobody after a boot, either")
}

func TestNodeWhoseAPIServerIsGoneForLongBeginsAnew(t *testing.T) {
	for name, lose := range map[string]func(refresher){
		"not listed":         func(r refresher) { r.listed("10.90.0.12") },
		"etcd has no quorum": func(r refresher) { r.write("status", "500") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRefresher(t, true)
			healthy(t, r)
			r.listed("10.90.0.11", "10.90.0.12")
			r.run()
			r.age("state/listed", 30)
			r.run()
			r.becomesEligible("")
			lose(r)
			r.run()
			r.becomesEligible("a short while changes nothing")
			r.age("state/eligible", 60)
			require.Contains(t, r.run(), "may not hold the virtual IP")
			require.False(t, r.eligible())
			r.write("status", "200")
			r.listed("10.90.0.11", "10.90.0.12")
			r.run()
			require.False(t, r.eligible(), "the others may have forgotten it")
		})
	}
}

func TestRefusedCredentialsDoNotTakeTheVirtualIPAway(t *testing.T) {
	r := newRefresher(t, true)
	healthy(t, r)
	r.listed("10.90.0.11", "10.90.0.12")
	r.run()
	r.age("state/listed", 30)
	r.run()
	r.write("status", "403")
	r.age("state/eligible", 1000)
	require.Contains(t, r.run(), "answers 403 to the kubelet's credentials")
	r.becomesEligible("")
	require.Equal(t, []string{"10.90.0.12"}, r.others("keepalived.conf"))
}

func TestListsStayWhenThereIsNothingGoodToWrite(t *testing.T) {
	r := newRefresher(t, true)
	r.listed("10.90.0.11", "10.90.0.12")
	r.run()
	keepalived, nginx, log := r.read("keepalived.conf"), r.read("nginx.conf"), r.read("systemctl.log")
	for name, spoil := range map[string]func(){
		"an empty list":           func() { r.listed() },
		"addresses that are none": func() { r.listed("fd90::12", "}", "10.90.0.12;reboot") },
		"no answer":               func() { r.write("status", "503") },
		"a configuration test": func() {
			r.listed("10.90.0.11", "10.90.0.14")
			r.write("KEEPALIVED_TEST", "#!/bin/bash\necho bad; exit 1\n")
			r.write("NGINX_TEST", "#!/bin/bash\nexit 1\n")
		},
		"kubeadm has not finished": func() { r.write("kubelet.conf", "users: []\n") },
	} {
		spoil()
		r.run()
		require.Equal(t, keepalived, r.read("keepalived.conf"), name)
		require.Equal(t, nginx, r.read("nginx.conf"), name)
		require.Equal(t, log, r.read("systemctl.log"), name)
	}
}

func TestReloadThatFailedIsDoneAgain(t *testing.T) {
	r := newRefresher(t, true)
	r.write("bin/systemctl", "#!/bin/bash\necho \"$*\" >>"+r.path("systemctl.log")+"\nexit 1\n")
	r.listed("10.90.0.11", "10.90.0.12")
	r.run()
	r.run()
	require.Equal(t, 2, strings.Count(r.read("systemctl.log"), "keepalived.service"))
	r.write("bin/systemctl", "#!/bin/bash\necho \"$*\" >>"+r.path("systemctl.log")+"\n")
	r.run()
	r.run()
	require.Equal(t, 3, strings.Count(r.read("systemctl.log"), "keepalived.service"))
	require.Equal(t, 3, strings.Count(r.read("systemctl.log"), "ocne-nginx.service"))
}

func TestListThatDidNotChangeIsOnlyCompared(t *testing.T) {
	r := newRefresher(t, true)
	healthy(t, r)
	jq, err := exec.LookPath("jq")
	require.NoError(t, err)
	r.write("bin/jq", "#!/bin/bash\necho read >>"+r.path("jq.log")+"\nexec "+jq+" \"$@\"\n")
	thorough := func() bool {
		before := r.read("jq.log")
		require.Empty(t, r.run())
		return r.read("jq.log") != before
	}
	r.listed("10.90.0.11", "10.90.0.12")
	r.run()
	r.age("state/listed", 30)
	r.run()
	for end := time.Now().Add(patience); thorough() && time.Now().Before(end); {
	}
	require.False(t, thorough(), "nothing is left to do")
	r.age("state/eligible", 59)
	require.False(t, thorough())
	require.NotContains(t, r.run(), "may not hold", "the node is still among the API servers")
	r.age("state/peers/10.90.0.12", 1000)

	r.listed("10.90.0.11")
	require.True(t, thorough())
	require.Equal(t, []string{"10.90.0.12"}, r.others("keepalived.conf"), "it was listed until now")
	require.True(t, thorough(), "adverts to it have to end")
	r.listed("10.90.0.11", "10.90.0.12")
	require.True(t, thorough())
	require.False(t, thorough())

	r.write("nginx.conf", strings.ReplaceAll(r.read("nginx.conf"), "server 10.90.0.12:", "server 10.90.0.99:"))
	require.True(t, thorough(), "somebody changed a file")
	require.Equal(t, []string{"10.90.0.12"}, r.backends())
}
