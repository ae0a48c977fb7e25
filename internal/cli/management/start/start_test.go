package start

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/clitest"
	"github.com/ocne-project/ocne/internal/cli/iostreams"
)

func TestArguments(t *testing.T) {
	for title, test := range map[string]struct {
		args []string
		want *Options // nil: refused
	}{
		"none":            {nil, &Options{}},
		"an argument":     {[]string{"demo"}, nil},
		"an unknown flag": {[]string{"--force"}, nil},
		"foreground":      {[]string{"--foreground"}, &Options{Foreground: true}},
		"a unit":          {[]string{"--systemd-unit", "user", "--install"}, &Options{SystemdUnit: "user", Install: true}},
		"an unknown unit": {[]string{"--systemd-unit", "group"}, nil},
		"install alone":   {[]string{"--install"}, nil},
		"a unit of this":  {[]string{"--systemd-unit", "user", "--foreground"}, nil},
	} {
		t.Run(title, func(t *testing.T) { clitest.ExpectOptions(t, NewCommand, test.args, test.want) })
	}
}

func TestTheUnitKeepsTheForegroundCommandRunning(t *testing.T) {
	streams, out, _ := iostreams.Buffers()
	home := t.TempDir()
	o := &Options{SystemdUnit: unitOfUser, Install: true, Environment: &cli.Environment{
		Streams: streams, HomeDir: home, Programs: "/opt/100% ocne", Getenv: func(string) string { return "" },
	}}
	require.NoError(t, Run(t.Context(), o))
	path := filepath.Join(home, ".config", "systemd", "user", "ocne-management.service")
	require.Contains(t, out.String(), "systemctl --user enable --now ocne-management.service")
	require.Contains(t, out.String(), "loginctl enable-linger")
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, line := range []string{
		`ExecStart="/opt/100%% ocne/ocne" management start --foreground`, "Type=notify", "Restart=on-failure", "KillMode=mixed", "WantedBy=default.target",
	} {
		require.Contains(t, string(written), line+"\n")
	}
	require.NotContains(t, string(written), "User=")

	o.SystemdUnit, o.Install = unitOfSystem, false
	out.Reset()
	require.NoError(t, Run(t.Context(), o))
	require.Contains(t, out.String(), "Environment=HOME="+home+"\n")
	require.Contains(t, out.String(), "User=")
	require.Contains(t, out.String(), "WantedBy=multi-user.target\n")
	require.Equal(t, "/etc/systemd/system/ocne-management.service", o.unitFile())
}

func TestSystemdIsToldWhenItIsReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	var config net.ListenConfig
	listener, err := config.ListenPacket(t.Context(), "unixgram", path)
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	require.NoError(t, notifyReady(t.Context(), func(name string) string { return map[string]string{"NOTIFY_SOCKET": path}[name] }))
	buffer := make([]byte, 64)
	n, _, err := listener.ReadFrom(buffer)
	require.NoError(t, err)
	require.Equal(t, "READY=1", string(buffer[:n]))
	require.NoError(t, notifyReady(t.Context(), func(string) string { return "" }), "it is not systemd that has started it")
}
