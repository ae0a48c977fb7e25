//go:build linux

package container_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"
	"github.com/vincent-petithory/dataurl"

	"github.com/ocne-project/ocne/pkg/olvmsim/guest/container"
)

// nodeImageLink is where make node-image puts the node image.
const nodeImageLink = "../../../../bin/nodeimage"

func nodeImage(t *testing.T) container.Image {
	t.Helper()
	needRoot(t)
	if _, err := os.Stat(nodeImageLink); err != nil {
		t.Skip("there is no node image: make node-image builds it")
	}
	image, err := container.OpenImage(nodeImageLink)
	require.NoError(t, err)
	return image
}

const keyfile = `[connection]
id=enp1s0
type=ethernet
interface-name=enp1s0

[ipv4]
method=manual
address1=192.0.2.21/24,192.0.2.1
may-fail=false

[ipv6]
method=manual
address1=fd6f:6c76:6d00::21/64,fd6f:6c76:6d00::1
may-fail=false
`

// nodeDocument is what the first layers of a node's document are like.
func nodeDocument(t *testing.T) string {
	t.Helper()
	file := func(path, text string, mode int) types.File {
		return types.File{
			Node:          types.Node{Path: path, Overwrite: new(true)},
			FileEmbedded1: types.FileEmbedded1{Mode: &mode, Contents: types.Resource{Source: new("data:," + dataurl.EscapeString(text))}},
		}
	}
	unit := func(name string) types.Unit { return types.Unit{Name: name, Enabled: new(true)} }
	document, err := json.Marshal(types.Config{
		Ignition: types.Ignition{Version: "3.4.0"},
		Passwd:   types.Passwd{Users: []types.PasswdUser{{Name: "ocne"}}},
		Storage: types.Storage{Files: []types.File{
			file("/etc/hostname", "node21\n", 0o644),
			file("/etc/NetworkManager/system-connections/enp1s0.nmconnection", keyfile, 0o600),
		}},
		Systemd: types.Systemd{Units: []types.Unit{unit("NetworkManager.service"), unit("containerd.service")}},
	})
	require.NoError(t, err)
	return string(document)
}

func TestANodeImageBootsWithSystemdAndIgnition(t *testing.T) {
	image := nodeImage(t)
	before := settings(t)
	w := newWorld(t, image)
	v := newVM(21, strings.Replace(nodeDocument(t), "/etc/hostname", "/dev/null/hostname", 1))
	require.ErrorContains(t, w.Start(t.Context(), v.GuestVM), "Ignition: stage files failed")
	require.NotContains(t, v.console.String(), "data:,", "documents hold keys")
	w.Remove(v.ID)

	v = newVM(21, nodeDocument(t))
	w.start(v)
	eventually(t, "NetworkManager takes the addresses from the document", func() bool {
		addresses := w.Addresses(v.ID)
		return slices.Contains(addresses, "192.0.2.21") && slices.Contains(addresses, "fd6f:6c76:6d00::21")
	}, v.console.String)
	require.Equal(t, "node21", inVM(t, v.Name, "hostname"))
	require.Equal(t, strings.ReplaceAll(v.ID, "-", ""), inVM(t, v.Name, "cat", "/etc/machine-id"), "the kubelet's system UUID")
	require.Contains(t, inVM(t, v.Name, "id", "ocne"), "uid=")
	require.Equal(t, v.MACs[0], inVM(t, v.Name, "cat", "/sys/class/net/enp1s0/address"))
	eventually(t, "units that the document enables run", func() bool {
		return inVM(t, v.Name, "sh", "-c", "systemctl is-active containerd.service || true") == "active"
	}, v.console.String)
	inVM(t, v.Name, "sh", "-c", "echo kept > /root/kept; echo kept > /var/lib/containerd/kept; sync")

	w.Shutdown(v.ID)
	v.waitHalted(t)
	w.Stop(v.ID)
	v.UserData = []byte("not read any more")
	w.start(v)
	eventually(t, "the addresses are on its disk", func() bool { return slices.Contains(w.Addresses(v.ID), "192.0.2.21") }, v.console.String)
	require.Equal(t, "kept\nkept", inVM(t, v.ID, "cat", "/root/kept", "/var/lib/containerd/kept"))
	w.Stop(v.ID)
	require.Equal(t, before, settings(t))
}

// inVM runs a command in a VM by a process of its own, as olvmsim exec does.
func inVM(t *testing.T, name string, command ...string) string {
	t.Helper()
	run := exec.Command("/proc/self/exe", append([]string{inVMArgument, name}, command...)...)
	var stderr strings.Builder
	run.Stderr = &stderr
	out, err := run.Output()
	require.NoError(t, err, "%s %s: %s", name, command, stderr.String())
	return strings.TrimSpace(string(out))
}

func runInVM(name string, args []string) int {
	marks, err := container.Marks()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mark := markOf(marks, os.Getppid())
	if mark == nil {
		fmt.Fprintln(os.Stderr, "the parent has no guests")
		return 1
	}
	command := &exec.Cmd{Path: args[0], Args: args, Stdout: os.Stdout, Stderr: os.Stderr, Dir: "/"}
	err = container.RunInVM(context.Background(), *mark, name, command)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
