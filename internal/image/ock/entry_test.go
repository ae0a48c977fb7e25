package ock

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const usual = "title Oracle Linux Server 8.10 1.31 (ostree:0)\nversion 1\n" +
	"options rw ip=dhcp ignition.platform.id=qemu ignition.firstboot=1 console=ttyS0 root=UUID=1-2\nlinux /ostree/ock-1/vmlinuz-5.15.x86_64\n"

func TestLoaderEntryIsParsed(t *testing.T) {
	e, err := parseEntry(usual)
	require.NoError(t, err)
	require.Equal(t, "Oracle Linux Server 8.10 1.31", e.operatingSystem())
	require.Equal(t, "/ostree/ock-1/vmlinuz-5.15.x86_64", e.kernel)
	require.Equal(t, "rw ip=dhcp ignition.platform.id=qemu ignition.firstboot=1 console=ttyS0 root=UUID=1-2", e.options())
	require.Equal(t, PlatformQEMU, e.platform())
	require.Equal(t, usual, e.text())

	for says, text := range map[string]string{
		"no line of options":            strings.ReplaceAll(usual, "options", "other"),
		"more than one line of options": usual + "options quiet\n",
		"have no ignition.platform.id":  strings.ReplaceAll(usual, "ignition.platform", "other"),
	} {
		_, err := parseEntry(text)
		require.ErrorContains(t, err, says)
	}
}

func TestOptionsBecomeThoseOfOLVM(t *testing.T) {
	for name, c := range map[string]struct {
		options, args, want string
		err                 error
	}{
		"usual":             {"ignition.platform.id=qemu console=ttyS0 quiet", "", "ignition.platform.id=openstack console=tty0 quiet", nil},
		"arguments":         {"ignition.platform.id=qemu console=ttyS0", "a b", "ignition.platform.id=openstack console=tty0 a b", nil},
		"spaces stay":       {"a  ignition.platform.id=qemu  b ", "", "a  ignition.platform.id=openstack  b ", nil},
		"spaces at the end": {"ignition.platform.id=qemu  ", "a", "ignition.platform.id=openstack a", nil},
		"tabs":              {"a\tignition.platform.id=qemu", "", "a ignition.platform.id=openstack", nil},
		"speed of the line": {"ignition.platform.id=qemu console=ttyS0,115200n8", "", "ignition.platform.id=openstack console=tty0", nil},
		"other consoles":    {"ignition.platform.id=qemu console=ttyS01", "", "ignition.platform.id=openstack console=ttyS01", nil},
		"platform only":     {"ignition.platform.id=openstack console=ttyS0", "", "ignition.platform.id=openstack console=tty0", nil},
		"done":              {"ignition.platform.id=openstack console=tty0", "", "ignition.platform.id=openstack console=tty0", nil},
		"done, arguments":   {"ignition.platform.id=openstack a b", "a b", "ignition.platform.id=openstack a b", nil},
		"half of a word":    {"ignition.platform.id=openstack xa b", "a b", "ignition.platform.id=openstack xa b a b", nil},
		"other platform":    {"ignition.platform.id=metal", "", "", ErrPlatform},
		"platform's suffix": {"ignition.platform.id=qemu2", "", "", ErrPlatform},
		"two platforms":     {"ignition.platform.id=qemu ignition.platform.id=qemu", "", "", ErrAmbiguous},
		"two consoles":      {"ignition.platform.id=qemu console=ttyS0 console=ttyS0", "", "", ErrAmbiguous},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := parseEntry("title x\noptions " + c.options + "\n")
			require.NoError(t, err)
			got, err := e.convert(c.args)
			require.ErrorIs(t, err, c.err)
			if c.err == nil {
				require.Equal(t, "title x\noptions "+c.want+"\n", got)
			}
		})
	}
}

func TestKernelTellsItsArchitecture(t *testing.T) {
	pe := func(machine string) []byte {
		b := make([]byte, 256)
		copy(b, "MZ")
		b[60] = 128
		copy(b[128:], "PE\x00\x00"+machine)
		return b
	}
	require.Equal(t, AMD64, peArchitecture(pe("\x64\x86")))
	require.Equal(t, ARM64, peArchitecture(pe("\x64\xaa")))
	require.Equal(t, ARM64, peArchitecture(packed(t, pe("\x64\xaa"))), "compressed as a whole")
	for name, head := range map[string][]byte{
		"nothing": nil, "another machine": pe("\x4c\x01"), "no PE": []byte("MZ" + strings.Repeat("\x00", 100)),
		"PE behind the end": append([]byte("MZ"), []byte(strings.Repeat("\xff", 100))...), "short gzip": {0x1f, 0x8b, 8},
	} {
		require.Empty(t, peArchitecture(head), name)
	}
}
