package boot_test

import (
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func stepsOf(t *testing.T, butane string) (boot.Steps, error) {
	t.Helper()
	raw, err := boot.ParseUser([]byte("variant: fcos\nversion: 1.5.0\n" + butane))
	require.NoError(t, err)
	return boot.StepsOf(parse(t, raw))
}

func TestIgnitionAsStepsOfCloudInit(t *testing.T) {
	steps, err := stepsOf(t, `
passwd: {users: [{name: ocne, ssh_authorized_keys: [ssh-ed25519 AAAA]}]}
storage:
  directories: [{path: /var/lib/a b, mode: 0700}]
  files:
  - {path: /etc/a, mode: 0600, user: {name: chrony}, contents: {inline: "text\n"}}
  - {path: /etc/b, append: [{inline: more}]}
  links: [{path: /etc/localtime, target: ../usr/share/zoneinfo/UTC}]
systemd:
  units:
  - {name: a.service, enabled: true, contents: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}
  - {name: containerd.service, dropins: [{name: proxy.conf, contents: "[Service]\nNice=1\n"}]}
  - {name: b.service, enabled: false}
  - {name: c.service, mask: true}
`)
	require.NoError(t, err)
	require.Equal(t, []types.SSHAuthorizedKey{"ssh-ed25519 AAAA"}, steps.Users[0].SSHAuthorizedKeys)
	require.Equal(t, []boot.CloudFile{
		{Path: "/etc/a", Owner: "chrony:root", Mode: 0o600, Text: "text\n"},
		{Path: "/etc/b", Mode: 0o644, Append: true, Text: "more"},
		{Path: "/etc/systemd/system/a.service", Mode: 0o644, Text: "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"},
		{Path: "/etc/systemd/system/containerd.service.d/proxy.conf", Mode: 0o644, Text: "[Service]\nNice=1\n"},
	}, steps.Files)
	require.Equal(t, []string{
		"install -d -m 0700 -o root -g root '/var/lib/a b'",
		"mkdir -p /etc && ln -sfn ../usr/share/zoneinfo/UTC /etc/localtime",
		"systemctl daemon-reload",
		"systemctl enable a.service", "systemctl restart a.service",
		"systemctl try-restart containerd.service",
		"systemctl disable --now b.service",
		"systemctl mask --now c.service",
	}, steps.Commands)
}

func TestWhatCloudInitHasNothingLikeIsNamed(t *testing.T) {
	for butane, want := range map[string]string{
		"kernel_arguments: {should_exist: [a]}":                                                     "kernelArguments",
		"storage: {disks: [{device: /dev/vdb, wipe_table: true}]}":                                  "storage.disks",
		"storage: {files: [{path: /a, contents: {source: 'https://example.com/a'}}]}":               "file /a: its contents are not in the document",
		"passwd: {groups: [{name: a}]}":                                                             "passwd.groups",
		"ignition: {config: {merge: [{source: 'https://example.com/a'}]}}":                          "ignition.config",
		"storage: {filesystems: [{device: /dev/vdb, format: xfs, path: /var/a, label: something}]}": "storage.filesystems",
	} {
		_, err := stepsOf(t, butane)
		require.ErrorContains(t, err, want)
	}
}
