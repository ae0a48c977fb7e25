package loadbalancer_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/loadbalancer"
)

const patience = 4 * time.Minute

// lab is a segment with a client and up to three control plane nodes on it.
type lab struct {
	*testing.T
	dir     string // of the API servers, which all say the same
	segment *namespace
	nodes   map[string]*labNode
}

// labNode is a node with what systemd would run on it; the test runs the refresh itself.
type labNode struct {
	*namespace
	address    netip.Addr
	api, nginx daemon
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: network and mount namespaces")
	}
	for _, name := range []string{"keepalived", "nginx", "ip", "nsenter", "curl", "jq", "bash"} {
		program(t, name)
	}
	needsStreamModule(t)
	l := &lab{t, t.TempDir(), newNamespace(t, "segment"), map[string]*labNode{}}
	pki(t, l.dir)
	l.segment.ip("link add br0 type bridge")
	l.segment.ip("address add 10.90.0.1/24 dev br0")
	l.segment.ip("link set br0 up")
	l.segment.write("/tmp/ca.crt", l.shared("ca.crt"), 0o644)
	return l
}

func (l *lab) shared(name string) string {
	l.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, name))
	require.NoError(l, err)
	return string(text)
}

// listed says which API servers there are.
func (l *lab) listed(nodes ...*labNode) {
	l.Helper()
	var text strings.Builder
	for _, n := range nodes {
		fmt.Fprintln(&text, n.address)
	}
	require.NoError(l, os.WriteFile(filepath.Join(l.dir, "endpoints"), []byte(text.String()), 0o600))
}

// add boots a node, whose API server does not run yet.
func (l *lab) add(name, address string, first bool) *labNode {
	l.Helper()
	n := &labNode{namespace: newNamespace(l.T, name), address: netip.MustParseAddr(address)}
	l.segment.ip("link add port-%s type veth peer name enp1s0 netns %s", name, n.pid())
	l.segment.ip("link set port-%s master br0 up", name)
	n.ip("address add %s/24 dev enp1s0", address)
	n.ip("link set enp1s0 up")
	c := config()
	c.Address, c.First = netip.PrefixFrom(n.address, 24), first
	c.Settings.RefreshIntervalSeconds = 1
	for _, f := range files(l.T, c) {
		if !strings.HasPrefix(f.Path, "/etc/sysctl.d") {
			n.write(f.Path, f.Text, os.FileMode(f.Mode))
		}
	}
	n.write("/etc/kubernetes/pki/ca.crt", l.shared("ca.crt"), 0o644)
	n.write("/var/lib/kubelet/pki/kubelet-client-current.pem", l.shared("kubelet.pem"), 0o600)
	n.write("/etc/kubernetes/kubelet.conf", "users:\n- user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n", 0o600)
	n.write("/usr/local/sbin/systemctl", "#!/bin/bash\ncase $2 in\nkeepalived*) exec kill -HUP $(cat /run/keepalived.pid) ;;\n"+
		"*) exec kill -HUP $(cat /run/ocne-nginx.pid) ;;\nesac\n", 0o755)
	n.startNGINX()
	n.start(n.enter("/usr/sbin/keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp"))
	l.nodes[name] = n
	return n
}

func (n *labNode) startNGINX() {
	n.t.Helper()
	n.nginx = n.start(n.enter("/usr/sbin/nginx", "-c", "/etc/ocne/nginx/nginx.conf", "-g", "daemon off;"))
}

// startAPI runs the stand-in for the API server: this program again.
func (l *lab) startAPI(n *labNode) {
	l.Helper()
	self, err := os.Executable()
	require.NoError(l, err)
	command := exec.Command("nsenter", "--target", n.pid(), "--net", "--pid", self)
	command.Env = append(os.Environ(), apiServerVariable+"="+l.dir+" "+n.name)
	n.api = n.start(command)
}

func (n *labNode) refresh() {
	out, _ := n.run("/bin/bash", "/etc/ocne/load-balancer/refresh.sh", "/etc/ocne/load-balancer/settings")
	if out != "" {
		n.t.Logf("%s: refresh: %s", n.name, strings.TrimSpace(out))
	}
}

// holders are the nodes that have the virtual IP.
func (l *lab) holders() string {
	var list []string
	for _, name := range []string{"a", "b", "c"} {
		n := l.nodes[name]
		if n == nil || n.init.ProcessState != nil {
			continue
		}
		if strings.Contains(n.must("ip", "-o", "-4", "address", "show", "dev", "enp1s0"), " 10.90.0.100/") {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}

// answer is the name of the node whose API server answered a client at the virtual IP.
func (l *lab) answer() string {
	name, err := l.segment.run("curl", "--silent", "--fail", "--connect-timeout", "1", "--max-time", "2", "--cacert", "/tmp/ca.crt", "https://10.90.0.100:6443/livez")
	if err != nil {
		return ""
	}
	return name
}

// eventually does step until it is true.
func (l *lab) eventually(what string, step func() bool) time.Duration {
	l.Helper()
	start := time.Now()
	for !step() {
		require.Less(l, time.Since(start), patience, "waited in vain: %s; the virtual IP is on %q", what, l.holders())
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(start)
}

// joined lets a node become one of those that may hold the virtual IP, with nobody losing it meanwhile.
func (l *lab) joined(n *labNode, all ...*labNode) {
	l.Helper()
	l.startAPI(n)
	l.eventually("the API server of "+n.name+" answers", func() bool {
		_, err := n.run("curl", "--silent", "--fail", "--cacert", "/etc/kubernetes/pki/ca.crt",
			"--connect-to", "kubernetes:443:127.0.0.1:6444", "https://kubernetes/livez")
		return err == nil
	})
	l.listed(all...)
	n.refresh()
	require.False(l, n.exists("/run/ocne-load-balancer/eligible"), "%s has seen the list, but the others have not", n.name)
	l.eventually(n.name+" may hold the virtual IP", func() bool {
		for _, each := range all {
			each.refresh()
		}
		holders := l.holders()
		if n.exists("/run/ocne-load-balancer/eligible") {
			return true
		}
		require.NotContains(l, holders, n.name, "it steals the virtual IP")
		return false
	})
	for _, each := range all {
		if each != n {
			require.Contains(l, each.read(loadbalancer.KeepalivedConfiguration), "        "+n.address.String()+"\n", "%s does not know %s yet", each.name, n.name)
		}
	}
}

// multicast counts VRRP's multicast and, to prove that it sees anything, gratuitous ARP on the segment.
type multicast struct{ vrrp, arp atomic.Int32 }

func (l *lab) listenForMulticast() *multicast {
	l.Helper()
	m, ready, done := &multicast{}, make(chan error, 1), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its namespace with it
		ready <- m.listen(l.segment.pid(), ready, done)
	}()
	require.NoError(l, <-ready)
	l.Cleanup(func() { close(done); <-ended })
	return m
}

func (m *multicast) listen(pid string, ready chan<- error, done <-chan struct{}) error {
	ns, err := os.Open("/proc/" + pid + "/ns/net")
	if err != nil {
		return err
	}
	defer ns.Close()
	if _, _, errno := syscall.RawSyscall(sysSetns, ns.Fd(), syscall.CLONE_NEWNET, 0); errno != 0 {
		return fmt.Errorf("enter the segment: %w", errno)
	}
	const all = 0x0300 // ETH_P_ALL in network order
	socket, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, all)
	if err != nil {
		return err
	}
	defer syscall.Close(socket)
	if err := syscall.SetsockoptTimeval(socket, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 100000}); err != nil {
		return err
	}
	ready <- nil
	frame := make([]byte, 2048)
	for {
		select {
		case <-done:
			return nil
		default:
		}
		n, _, err := syscall.Recvfrom(socket, frame, 0)
		if err != nil || n < 42 {
			continue
		}
		switch kind := binary.BigEndian.Uint16(frame[12:14]); {
		case kind == 0x0806 && string(frame[28:32]) == string(frame[38:42]): // sender and target are one
			m.arp.Add(1)
		case kind == 0x0800 && frame[23] == 112 && frame[30] >= 224: // VRRP, to a multicast address
			m.vrrp.Add(1)
		}
	}
}

// One story, because each of its steps needs what the steps before it made.
func TestVirtualIPSurvivesWhatHappensToNodes(t *testing.T) {
	l := newLab(t)
	heard := l.listenForMulticast()
	a := l.add("a", "10.90.0.13", true)
	require.Empty(t, l.holders())
	l.startAPI(a)
	t.Logf("the first node has the virtual IP after %.1f s", l.eventually("a has the virtual IP", func() bool { return l.answer() == "a" }).Seconds())
	require.Equal(t, "a", l.holders())
	l.eventually("a announces itself", func() bool { return heard.arp.Load() > 0 })
	require.Zero(t, heard.vrrp.Load(), "a node without peers sends multicast")
	l.listed(a)
	a.refresh()
	require.False(t, a.exists("/etc/ocne/load-balancer/first"))

	// The lower address of the joining node is the bad case: it would not yield to what it does not hear.
	b := l.add("b", "10.90.0.11", false)
	l.joined(b, a, b)
	c := l.add("c", "10.90.0.12", false)
	l.joined(c, a, b, c)
	l.neverStolen("a")
	require.Zero(t, heard.vrrp.Load())

	seen := map[string]bool{}
	l.eventually("connections go to all three API servers", func() bool { seen[l.answer()] = true; return seen["a"] && seen["b"] && seen["c"] })

	start := time.Now()
	a.nginx.kill()
	l.eventually("another node serves after NGINX was killed", func() bool { return l.holders() != "a" && l.holders() != "" && l.answer() != "" })
	t.Logf("NGINX killed: another node serves after %.1f s", time.Since(start).Seconds())
	second := l.holders()
	a.startNGINX()
	l.eventually("NGINX of a is well again", func() bool {
		_, err := a.run("/bin/bash", "/etc/keepalived/check-eligible.sh", "/etc/ocne/load-balancer/settings")
		return err == nil
	})
	l.neverStolen(second)

	dead := l.nodes[second]
	start = time.Now()
	dead.kill()
	l.eventually("another node serves after the holder died", func() bool { return l.holders() != "" && l.answer() != "" })
	t.Logf("node killed: another node serves after %.1f s", time.Since(start).Seconds())
	var rest []*labNode
	for _, n := range []*labNode{a, b, c} {
		if n != dead {
			rest = append(rest, n)
		}
	}
	l.listed(rest...)
	l.eventually("the lists hold the living only", func() bool {
		gone := true
		for _, n := range rest {
			n.refresh()
			line := " " + dead.address.String()
			gone = gone && !strings.Contains(n.read("/etc/ocne/nginx/nginx.conf"), line) && !strings.Contains(n.read(loadbalancer.KeepalivedConfiguration), line+"\n")
		}
		return gone
	})
	require.NotEmpty(t, l.answer())
}

// neverStolen watches for longer than a node listens before it takes an address that nobody seems to have.
func (l *lab) neverStolen(owner string) {
	l.Helper()
	for end := time.Now().Add(6 * time.Second); time.Now().Before(end); {
		require.Equal(l, owner, l.holders())
	}
	l.eventually("clients get answers", func() bool { return l.answer() != "" })
}
