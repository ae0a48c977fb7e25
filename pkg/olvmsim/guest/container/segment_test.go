//go:build linux

package container

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// inNetworkNamespace is a process with a network of its own, as long as the test runs.
func inNetworkNamespace(t *testing.T) (pid int) {
	t.Helper()
	command := exec.Command("sleep", "600")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command.Process.Pid
}

func TestNICsOfFurtherNetworksAreApartFromTheSegment(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: network namespaces are made")
	}
	s, err := newSegment(DefaultGateways())
	require.NoError(t, err)
	t.Cleanup(s.close)
	macs := []string{"56:6f:00:00:00:01", "56:6f:00:00:00:02", "56:6f:00:00:00:03", "56:6f:00:00:00:04"}
	first := olvmsim.GuestVM{ID: "00000001-1111", MACs: macs, Networks: []string{"net", "storage", "net", ""}}
	second := olvmsim.GuestVM{ID: "00000002-1111", MACs: macs[:3], Networks: []string{"other", "storage", "backup"}}
	bridges := map[string][]int{}
	for _, vm := range []olvmsim.GuestVM{first, second} {
		require.NoError(t, s.plug(vm, inNetworkNamespace(t)))
		for i := range vm.MACs {
			port, err := s.links.LinkByName(portName(vm.ID, i))
			require.NoError(t, err)
			bridges[vm.ID] = append(bridges[vm.ID], port.Attrs().MasterIndex)
		}
	}
	of1, of2 := bridges[first.ID], bridges[second.ID]
	require.Equal(t, s.bridge.Index, of1[0])
	require.Equal(t, s.bridge.Index, of2[0], "the first NICs are all on the segment")
	require.Equal(t, of1[0], of1[2], "and so is another one on the same network")
	require.Zero(t, of1[3], "a NIC on no network")
	require.Equal(t, of1[1], of2[1], "two VMs meet on a further network")
	require.Len(t, map[int]bool{of1[0]: true, of1[1]: true, of2[2]: true}, 3, "which are apart from each other")

	s.unplug(second)
	_, err = s.links.LinkByName(portName(second.ID, 1))
	require.Error(t, err)
	require.NoError(t, s.plug(second, inNetworkNamespace(t)), "a machine that boots again")
}
