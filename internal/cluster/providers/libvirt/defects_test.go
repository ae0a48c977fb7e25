package libvirt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The names of these tests are those of the defects of another implementation that they show ours does not have.

func TestL1AVirtualMachineThatDoesNotStartIsToldAtOnceAndNothingStays(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	o := d.tinyOptions(t, "demo")
	o.ControlPlane.Memory = 1 << 50
	err := create(t, o, tinyDocument)
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.Equal(t, "start virtual machine", problem.Op)
	require.Equal(t, "demo-control-plane-1", problem.Object)
	require.NotEmpty(t, problem.Remedy)
	require.Equal(t, before, d.everything(t))

	o.KeepOnError = true
	var kept *KeptError
	require.ErrorAs(t, create(t, o, tinyDocument), &kept)
	require.Contains(t, d.everything(t), "demo-control-plane-1.qcow2", "the caller asked for it")
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.everything(t))
}

func TestL1AVirtualMachineThatIsNotOursIsNeitherTakenNorRemoved(t *testing.T) {
	d := systemDaemon(t)
	file := t.TempDir() + "/theirs.xml"
	theirs := `<domain type='qemu'><name>demo-control-plane-1</name><memory>65536</memory><os><type machine='q35'>hvm</type></os></domain>`
	require.NoError(t, os.WriteFile(file, []byte(theirs), 0o600))
	d.virsh(t, "define", file)
	before := d.virsh(t, "dumpxml", "demo-control-plane-1")

	require.ErrorIs(t, create(t, d.tinyOptions(t, "demo"), tinyDocument), ErrNotOurs)
	require.ErrorIs(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}), ErrNoCluster)
	require.Equal(t, before, d.virsh(t, "dumpxml", "demo-control-plane-1"))
}

func TestL3ANetworkWithoutAddressesIsRefused(t *testing.T) {
	d := systemDaemon(t)
	for name, inside := range map[string]string{
		"bridged":  `<forward mode='bridge'/><bridge name='br0'/>`,
		"isolated": `<bridge name='virbr8'/>`,
		"no-dhcp":  `<bridge name='virbr9'/><ip address='192.168.77.1' netmask='255.255.255.0'/>`,
	} {
		d.defineNetwork(t, name, inside)
		o := d.tinyOptions(t, "demo")
		o.Network.Name = name
		require.ErrorIs(t, create(t, o, tinyDocument), ErrNoDHCP, name)
	}
	o := d.tinyOptions(t, "demo")
	o.Network.Name = "missing"
	require.ErrorIs(t, create(t, o, tinyDocument), ErrNoNetwork)
}

func (d daemon) defineNetwork(t *testing.T, name, inside string) {
	t.Helper()
	file := t.TempDir() + "/network.xml"
	require.NoError(t, os.WriteFile(file, []byte("<network><name>"+name+"</name>"+inside+"</network>"), 0o600))
	d.virsh(t, "net-define", file)
}

func TestL4AddressesThatOthersHaveAreNotTaken(t *testing.T) {
	d := systemDaemon(t)
	d.defineNetwork(t, "small", `<forward mode='nat'/><bridge name='virbr8'/><ip address='192.168.77.1' netmask='255.255.255.248'>
		<dhcp><range start='192.168.77.2' end='192.168.77.6'/><host mac='52:54:00:00:00:01' ip='192.168.77.6'/></dhcp></ip>`)
	d.virsh(t, "net-start", "small")
	lease, err := json.Marshal([]any{map[string]any{
		"ip-address": "192.168.77.5", "mac-address": "52:54:00:00:00:02", "expiry-time": time.Now().Add(time.Hour).Unix(),
	}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/var/lib/libvirt/dnsmasq/virbr8.status", lease, 0o600))
	require.Contains(t, d.virsh(t, "net-dhcp-leases", "small"), "192.168.77.5", "the lease as libvirt sees it")
	before := d.virsh(t, "net-dumpxml", "small")

	o := d.tinyOptions(t, "demo")
	o.Network.Name = "small"
	o.WorkerNodes = 2
	require.NoError(t, create(t, o, tinyDocument))
	c, err := Info(t.Context(), d.Connection, "demo")
	require.NoError(t, err)
	var got []string
	for _, n := range c.Nodes {
		got = append(got, n.Address.String())
		require.Contains(t, d.virsh(t, "net-dumpxml", "small"), fmt.Sprintf("name='%s' ip='%s'", n.Name, n.Address), "reserved for the node")
	}
	require.Equal(t, []string{"192.168.77.4", "192.168.77.3", "192.168.77.2"}, got)

	full := d.tinyOptions(t, "other")
	full.Network.Name = "small"
	require.ErrorIs(t, create(t, full, tinyDocument), ErrNoAddress)

	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Equal(t, before, d.virsh(t, "net-dumpxml", "small"), "the network is as it was")
}

func TestL4TheClustersOwnNetworkHidesNoOther(t *testing.T) {
	d := systemDaemon(t)
	d.defineNetwork(t, "theirs", `<bridge name='virbr8'/><ip address='192.168.130.1' netmask='255.255.254.0'/>`)
	o := d.tinyOptions(t, "demo")
	o.Network.Avoid = []netip.Prefix{netip.MustParsePrefix("192.168.132.16/28")}
	require.NoError(t, create(t, o, tinyDocument))
	c, err := Info(t.Context(), d.Connection, "demo")
	require.NoError(t, err)
	require.Equal(t, "192.168.133.10:6443", c.Server)
}

func TestL4PortsThatOthersUseAreNotForwarded(t *testing.T) {
	d := systemDaemon(t)
	listener, err := net.Listen("tcp", loopback+":6443")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })

	for i, cluster := range []string{"one", "two"} {
		o := d.tinyOptions(t, cluster)
		o.Network.UserMode = true
		require.NoError(t, create(t, o, tinyDocument))
		c, err := Info(t.Context(), d.Connection, cluster)
		require.NoError(t, err)
		require.Equal(t, hostPort(loopback, 6444+i), c.Server)
		conn, err := net.Dial("tcp", c.Server)
		require.NoError(t, err, "QEMU listens there")
		require.NoError(t, conn.Close())
		d.virsh(t, "destroy", cluster+"-control-plane-1") // its port stays its own
	}
}

func TestL5AnUploadThatEndsEarlyIsNotTakenForABaseVolume(t *testing.T) {
	d := systemDaemon(t)
	before := d.everything(t)
	o := d.tinyOptions(t, "demo")
	good := o.Image
	disk := errors.New("the disk broke")
	o.Image.Open = func(ctx context.Context) (io.ReadCloser, error) {
		from, err := good.Open(ctx)
		return io.NopCloser(io.MultiReader(io.LimitReader(from, good.Size/2), broken{disk})), err
	}
	err := create(t, o, tinyDocument)
	require.ErrorIs(t, err, disk)
	t.Log(err)
	require.Equal(t, before, d.everything(t))

	o.Image.Open = func(ctx context.Context) (io.ReadCloser, error) {
		from, err := good.Open(ctx)
		return io.NopCloser(io.LimitReader(from, good.Size/2)), err
	}
	require.ErrorIs(t, create(t, o, tinyDocument), io.ErrUnexpectedEOF)
	require.Equal(t, before, d.everything(t))
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// What libvirt sees of a command that was killed is that its connection ends.
func TestL5AnUploadThatWasKilledIsDoneAgain(t *testing.T) {
	d := systemDaemon(t)
	o, err := d.tinyOptions(t, "demo").complete()
	require.NoError(t, err)
	good := o.Image
	h := d.open(t)
	o.Image.Open = func(ctx context.Context) (io.ReadCloser, error) {
		from, err := good.Open(ctx)
		return io.NopCloser(io.MultiReader(io.LimitReader(from, good.Size/2), killed{h})), err
	}
	require.Error(t, (&creation{host: h, o: o, document: tinyDocument}).machines(t.Context()))
	name := base{strings.TrimPrefix(good.Digest, "sha256:"), "demo"}.volume()
	require.Contains(t, d.everything(t), name, "half of the upload is there")

	o.Image = good
	require.NoError(t, create(t, o, tinyDocument))
	d.awaitConsole(t, "demo-control-plane-1", "guest: started")

	again := d.tinyOptions(t, "other")
	again.Image = good
	again.Image.Open = func(context.Context) (io.ReadCloser, error) { return nil, errors.New("a second upload") }
	require.NoError(t, create(t, again, tinyDocument), "the complete base volume is used")
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "demo"}))
	require.Contains(t, d.everything(t), name, "the other cluster uses it")
	require.NoError(t, Delete(t.Context(), DeleteOptions{Connection: d.Connection, Cluster: "other"}))
	require.NotContains(t, d.everything(t), "ocne-base-")
}

type killed struct{ h *host }

func (k killed) Read([]byte) (int, error) {
	k.h.line.cut()
	return 0, io.ErrClosedPipe
}

func TestL6TheAPIsPortIsTheConfiguredOne(t *testing.T) {
	d := systemDaemon(t)
	o := d.tinyOptions(t, "demo")
	o.APIPort = 7443
	o.Network.UserMode = true
	require.NoError(t, create(t, o, tinyDocument))
	require.Contains(t, d.virsh(t, "dumpxml", "demo-control-plane-1"), "hostfwd=tcp:127.0.0.1:7443-:7443")

	o = d.tinyOptions(t, "bridged")
	o.APIPort = 7443
	require.NoError(t, create(t, o, tinyDocument))
	c, err := Info(t.Context(), d.Connection, "bridged")
	require.NoError(t, err)
	require.Equal(t, "192.168.130.10:7443", c.Server)
}

func TestL7TheDefaultSubnetOfUserModeNetworkingIsPrivate(t *testing.T) {
	require.True(t, defaultUserSubnet().Addr().IsPrivate())
	for _, other := range []string{"10.244.0.0/16", "10.96.0.0/12"} {
		require.False(t, defaultUserSubnet().Overlaps(netip.MustParsePrefix(other)), "the default subnets of pods and services")
	}
}

func TestL8TheDescriptionOfADomainIsASentence(t *testing.T) {
	d := systemDaemon(t)
	require.NoError(t, create(t, d.tinyOptions(t, "demo"), tinyDocument))
	require.Equal(t, "Node of the Kubernetes cluster demo, made by ocne", strings.TrimSpace(d.virsh(t, "desc", "demo-control-plane-1")))
}

// E3 is an image that was stored under the name of another version.
func TestE3AnotherImageIsAnotherBaseVolume(t *testing.T) {
	d := systemDaemon(t)
	one, two := d.tinyOptions(t, "one"), d.tinyOptions(t, "two")
	require.NoError(t, create(t, one, tinyDocument))
	require.NoError(t, create(t, two, tinyDocument))
	for _, o := range []Options{one, two} {
		digest := strings.TrimPrefix(o.Image.Digest, "sha256:")
		require.Contains(t, d.virsh(t, "vol-dumpxml", "--pool", DefaultPool, o.Cluster+"-control-plane-1.qcow2"), base{digest, o.Cluster}.volume())
	}
}
