package boot_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestUserMayWriteButaneOrIgnition(t *testing.T) {
	for name, doc := range map[string]string{
		"Butane": `
variant: fcos
version: 1.5.0
storage:
  files:
    - path: /etc/resolv.conf
      mode: 0644
      overwrite: true
      contents:
        inline: |
          nameserver 192.0.2.53
`,
		"Ignition 3.4 JSON": `{"ignition":{"version":"3.4.0"},"storage":{"files":[
			{"path":"/etc/resolv.conf","mode":420,"overwrite":true,"contents":{"source":"data:,nameserver%20192.0.2.53%0A"}}]}}`,
		"older Ignition 3 in YAML": `
ignition: {version: 3.0.0}
storage:
  files:
    - path: /etc/resolv.conf
      mode: 420
      overwrite: true
      contents: {source: "data:,nameserver%20192.0.2.53%0A"}
`,
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := boot.ParseUser([]byte(doc))
			require.NoError(t, err)
			require.True(t, boot.IsIgnition3(doc))
			in := input(t, "worker.json")
			in.User = doc
			text, mode := file(t, document(t, in), "/etc/resolv.conf")
			require.Equal(t, "nameserver 192.0.2.53\n", text)
			require.Equal(t, 0o644, mode)
		})
	}
}

func TestUserDocumentThatWouldNotDoWhatItSaysIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ doc, want string }{
		"Ignition 2":                {`{"ignition":{"version":"2.3.0"}}`, "Ignition 2.3.0"},
		"Ignition 3.5":              {`{"ignition":{"version":"3.5.0"}}`, "newer than the 3.4.0"},
		"Butane for newer Ignition": {"variant: fcos\nversion: 1.6.0\n", "newer than the 3.4.0"},
		"unknown Butane version":    {"variant: fcos\nversion: 9.9.9\n", "9.9.9"},
		"Butane with a local file":  {"variant: fcos\nversion: 1.5.0\nstorage: {files: [{path: /a, contents: {local: b}}]}\n", "local file"},
		"misspelt key in Butane":    {"variant: fcos\nversion: 1.5.0\nstorage: {file: []}\n", "Unused key file"},
		"misspelt key in Ignition":  {`{"ignition":{"version":"3.4.0"},"storage":{"file":[]}}`, "Unused key file"},
		"a key twice":               {"ignition: {version: 3.4.0}\nstorage: {}\nstorage: {}\n", "already set"},
		"neither":                   {"storage: {files: []}\n", "no ignition.version"},
		"empty":                     {"", "no ignition.version"},
		"a list":                    {"- a\n", "not a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := boot.ParseUser([]byte(tc.doc))
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestIsIgnition3TellsItFromContainerLinuxConfig(t *testing.T) {
	require.True(t, boot.IsIgnition3(read(t, "additional.json")))
	require.False(t, boot.IsIgnition3(read(t, "bootstrap", "worker.json")), "Ignition 2.3")
	require.False(t, boot.IsIgnition3([]byte("storage:\n  files: []\n")))
	require.False(t, boot.IsIgnition3(nil))
}
