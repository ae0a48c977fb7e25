package loadbalancer_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/loadbalancer"
)

// program finds an installed program, also where only root looks.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed (Debian packages keepalived, nginx-light, libnginx-mod-stream, curl, jq)", name)
	return ""
}

// nic is any device that is not the loopback: Keepalived refuses devices that are not there.
func nic(t *testing.T) string {
	t.Helper()
	devices, err := net.Interfaces()
	require.NoError(t, err)
	for _, d := range devices {
		if d.Flags&net.FlagLoopback == 0 {
			return d.Name
		}
	}
	t.Skip("there is no network device that Keepalived could be told to use")
	return ""
}

// withOthers is a file as the refresh writes it.
func withOthers(t *testing.T, text string, lines ...string) string {
	t.Helper()
	before, after, found := strings.Cut(text, "        # end of others\n")
	require.True(t, found)
	return before + strings.Join(append(lines, ""), "\n") + "        # end of others\n" + after
}

func TestKeepalivedAcceptsItsConfiguration(t *testing.T) {
	keepalived := program(t, "keepalived")
	c := config()
	c.Device = nic(t)
	for name, change := range map[string]func(*loadbalancer.Config){
		"standard":        func(*loadbalancer.Config) {},
		"shortest advert": func(c *loadbalancer.Config) { c.Settings.AdvertIntervalMilliseconds = 100 },
		"longest advert":  func(c *loadbalancer.Config) { c.Settings.AdvertIntervalMilliseconds = 10000 },
		"slow checks":     func(c *loadbalancer.Config) { c.Settings.CheckIntervalSeconds, c.Settings.CheckFall = 60, 100 },
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			change(&c)
			alone := files(t, c)[loadbalancer.KeepalivedConfiguration].Text
			for _, text := range []string{alone, withOthers(t, alone, "        10.90.0.12", "        10.90.0.13")} {
				file := filepath.Join(t.TempDir(), "keepalived.conf")
				// The check is not installed on this machine.
				text = strings.ReplaceAll(text, "/etc/keepalived/check-eligible.sh", "/bin/true")
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				out, err := exec.CommandContext(t.Context(), keepalived, "-t", "-f", file).CombinedOutput()
				require.NoError(t, err, "%s\n%s", out, text)
				require.Empty(t, string(out), "nothing is only warned of, either")
			}
		})
	}
}

func needsStreamModule(t *testing.T) {
	t.Helper()
	if found, err := filepath.Glob(debianModuleFiles); err != nil || len(found) == 0 {
		t.Skip("NGINX's stream module is not installed (Debian package libnginx-mod-stream)")
	}
}

func TestNGINXAcceptsItsConfiguration(t *testing.T) {
	nginx := program(t, "nginx")
	needsStreamModule(t)
	for name, change := range map[string]func(*loadbalancer.Config){
		"IPv4":       func(*loadbalancer.Config) {},
		"dual stack": func(c *loadbalancer.Config) { c.DualStack = true },
		"a module that the image names": func(c *loadbalancer.Config) {
			c.Image.NGINX.StreamModule, c.Image.NGINX.ModuleFiles = "/usr/lib/nginx/modules/ngx_stream_module.so", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := config()
			change(&c)
			dir := t.TempDir()
			alone := strings.ReplaceAll(files(t, c)["/etc/ocne/nginx/nginx.conf"].Text, "/run/", dir+"/")
			for _, text := range []string{alone, withOthers(t, alone, "        server 10.90.0.12:6444 max_fails=1 fail_timeout=5s;")} {
				file := filepath.Join(dir, "nginx.conf")
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				out, err := exec.CommandContext(t.Context(), nginx, "-t", "-q", "-c", file, "-e", "stderr").CombinedOutput()
				require.NoError(t, err, "%s\n%s", out, text)
				require.Empty(t, string(out))
			}
		})
	}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	analyze := program(t, "systemd-analyze")
	program(t, "keepalived")
	program(t, "nginx")
	dir := t.TempDir()
	units, err := loadbalancer.Units(config())
	require.NoError(t, err)
	var names []string
	for _, u := range units {
		file := filepath.Join(dir, u.Name)
		text := u.Contents
		if u.Dropin != "" { // the image's own unit, as far as it matters
			text = "[Unit]\nDescription=Keepalived\n\n[Service]\nType=forking\nExecStart=/bin/false\nExecReload=/bin/false\n"
			require.NoError(t, os.MkdirAll(file+".d", 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(file+".d", loadbalancer.DropinName), []byte(u.Dropin), 0o644))
		}
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
		names = append(names, file)
	}
	command := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, names...)...)
	command.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
}
