package bootimage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// image is the directory that hack/boot-image.sh makes.
type image struct{ directory string }

func openImage(t *testing.T) image {
	t.Helper()
	directory := os.Getenv("OCNE_BOOT_IMAGE")
	if directory == "" {
		t.Skip("OCNE_BOOT_IMAGE is not set: it names the directory of the boot image; run make e2e, which builds it")
	}
	return image{directory}
}

// disk is a disk as OCK images have it in them.
func (i image) disk() string { return filepath.Join(i.directory, "boot.qcow2") }

// tool is a file of the programs that come with the image.
func (i image) tool(elements ...string) string {
	return filepath.Join(append([]string{i.directory, "tools"}, elements...)...)
}

// command runs one of the image's programs with the libraries that it was made for.
func (i image) command(t *testing.T, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	libraries := i.tool("lib", "x86_64-linux-gnu")
	arguments = append([]string{
		"--library-path", libraries + ":" + i.tool("usr", "lib", "x86_64-linux-gnu"), i.tool("usr", "bin", program),
	}, arguments...)
	return exec.CommandContext(t.Context(), filepath.Join(libraries, "ld-linux-x86-64.so.2"), arguments...)
}

func (i image) run(t *testing.T, program string, arguments ...string) {
	t.Helper()
	out, err := i.command(t, program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", program, strings.Join(arguments, " "), out)
}

// configDrive is the CD-ROM that an engine gives a VM whose operating system is Ignition's (ovirt-engine: IgnitionHandler; vdsm: mkimage.py).
func configDrive(t *testing.T, image image, userData []byte) string {
	t.Helper()
	tree, drive := t.TempDir(), filepath.Join(t.TempDir(), "config-2.iso")
	latest := filepath.Join(tree, "openstack", "latest")
	require.NoError(t, os.MkdirAll(latest, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(latest, "user_data"), userData, 0o600))
	metadata := `{"launch_index":"0","availability_zone":"nova","uuid":"` + vmID + `","meta":{"essential":"false","role":"server","dsmode":"local"}}`
	require.NoError(t, os.WriteFile(filepath.Join(latest, "meta_data.json"), []byte(metadata), 0o600))
	image.run(t, "xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", "config-2", "-o", drive, tree)
	return drive
}
