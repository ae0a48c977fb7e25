package bootimage

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

const (
	hostname = "demo-md-0-7wxyz-x7k2p"
	vmID     = "0a0b0c0d-1111-4222-8333-444455556666"
)

// The engine gives both VMs the same drive. Only the conversion makes Ignition look there.
func TestConvertedImageRunsTheUnitThatTheConfigDriveBrings(t *testing.T) {
	image := openImage(t)
	word := rand.Text()
	drive := configDrive(t, image, document(t, word, nil))

	r := start(t, image, convert(t, image.disk()), drive).report(t)

	require.Contains(t, r.lines, unitSays(word), "what the document's unit writes")
	require.True(t, r.ignition.UserConfigProvided, "Ignition found a document")
	require.Equal(t, hostname, r.hostname, "the host name of the machine's own layer")
	require.Contains(t, r.kernelArguments, "ignition.platform.id=openstack")
	require.Contains(t, r.kernelArguments, "console=tty0")
	require.NotContains(t, r.kernelArguments, "console=ttyS0")
}

func TestUnconvertedImageDoesNotSeeTheConfigDrive(t *testing.T) {
	image := openImage(t)
	word := rand.Text()
	drive := configDrive(t, image, document(t, word, nil))

	r := start(t, image, image.disk(), drive).report(t)

	require.False(t, r.ignition.UserConfigProvided, "Ignition found no document")
	require.NotContains(t, r.lines, unitSays(word), "what the document's unit writes")
	require.NotEqual(t, hostname, r.hostname)
	require.Contains(t, r.kernelArguments, "ignition.platform.id=qemu")
	require.Contains(t, r.kernelArguments, "console=ttyS0")
}

// unitSays is the line that the document's unit writes to the serial port.
func unitSays(word string) string { return "the boot document's unit: " + word }

// document is what the provider boots a worker with. What kubeadm bootstrap would write is a unit that says the word, so that no other
// document's unit is taken for it, and runs commands, each of whose lines it says too.
func document(t *testing.T, word string, disks []boot.Disk, commands ...string) []byte {
	t.Helper()
	script := "#!/bin/sh\n{\nprintf '\\n%s\\n' \"" + unitSays(word) + "\"\n" + strings.Join(commands, "\n") + "\n} >/dev/ttyS0 2>&1\n"
	unit := "[Service]\nType=oneshot\nExecStart=/usr/local/bin/story\n[Install]\nWantedBy=multi-user.target\n"
	bootstrap, err := json.Marshal(map[string]any{
		"ignition": map[string]any{"version": "2.3.0"}, // as kubeadm bootstrap writes it
		"storage": map[string]any{"files": []any{map[string]any{
			"filesystem": "root", "path": "/usr/local/bin/story", "mode": 0o755,
			"contents": map[string]any{"source": "data:;base64," + base64.StdEncoding.EncodeToString([]byte(script))},
		}}},
		"systemd": map[string]any{"units": []any{map[string]any{"name": "story.service", "enabled": true, "contents": unit}}},
	})
	require.NoError(t, err)
	document, err := boot.Document(boot.Input{
		Bootstrap: bootstrap, Format: boot.FormatIgnition,
		Identity: boot.Identity{ProviderID: "olvm://" + vmID, Hostname: hostname},
		Network: boot.Network{
			Device: "enp1s0", IPv4: netip.MustParsePrefix("192.0.2.161/24"), Gateway: netip.MustParseAddr("192.0.2.1"),
			Nameservers: []string{"192.0.2.53"},
		},
		Disks: disks,
	})
	require.NoError(t, err)
	return document
}
