package boot_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/boot"
)

func TestKubeadmJoinIsTriedAgain(t *testing.T) {
	for profile, socket := range map[string]string{
		boot.ProfileOCK: "unix:///var/run/crio/crio.sock", boot.ProfilePlain: "unix:///run/containerd/containerd.sock",
	} {
		in := input(t, "join-control-plane.json")
		in.Profile = profile
		doc := document(t, in)
		_, mode := file(t, doc, "/etc/ocne/kubeadm-attempts.sh")
		require.Equal(t, 0o755, mode)
		require.Equal(t, "[Service]\nExecStart=\nExecStart=/bin/bash /etc/ocne/kubeadm-attempts.sh /etc/kubeadm.sh /etc/kubeadm.yml "+
			"/etc/kubernetes /var/lib/ocne/kubernetes "+socket+"\n", dropins(unit(t, doc, "kubeadm.service"))["30-attempts.conf"])
	}
}

func TestAUnitForKubeadmThatSomebodyElseWroteStays(t *testing.T) {
	in := input(t, "worker.json")
	in.Bootstrap = []byte(`{"ignition":{"version":"3.4.0"},"systemd":{"units":[
		{"name":"kubeadm.service","enabled":true,"contents":"[Service]\nExecStart=/opt/join\n"}]}}`)
	doc := document(t, in)
	require.NotContains(t, dropins(unit(t, doc, "kubeadm.service")), "30-attempts.conf")
	for _, f := range doc.Storage.Files {
		require.NotContains(t, f.Path, "attempts")
	}
}

// attempted is a machine on which the script of the document runs, with programs that note how they were called.
type attempted struct {
	t   *testing.T
	dir string
}

const (
	joins = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n"
	inits = "---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
)

// newAttempted has a kubeadm.sh that fails as often as it is said, as kubeadm does: with what it made so far.
func newAttempted(t *testing.T, config string, failures int) attempted {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the script is one of bash, which is not there")
	}
	m := attempted{t, t.TempDir()}
	text, _ := file(t, document(t, input(t, "join-control-plane.json")), "/etc/ocne/kubeadm-attempts.sh")
	m.write("attempts.sh", strings.ReplaceAll(text, "/dev/console", m.path("console")))
	m.write("kubeadm.yml", config)
	m.write("kubernetes/pki/ca.key", "key")
	m.write("failures", strings.Repeat("x", failures))
	m.write("bin/kubeadm", `#!/bin/bash
echo "kubeadm $*" >>calls
rm -rf kubernetes/pki kubernetes/manifests
`)
	m.write("bin/sleep", `#!/bin/bash
echo "sleep $*" >>calls
`)
	m.write("kubeadm.sh", `set -e
echo "join, $(ls -m kubernetes), $(cat kubernetes/pki/ca.key)" >>calls
mkdir kubernetes/manifests
left=$(cat failures)
printf '%s' "${left#x}" >failures
[ -z "$left" ]
rm kubeadm.yml
[ ! -e after ]
`)
	return m
}

func (m attempted) path(name string) string { return filepath.Join(m.dir, name) }

func (m attempted) write(name, text string) {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(filepath.Dir(m.path(name)), 0o700))
	require.NoError(m.t, os.WriteFile(m.path(name), []byte(text), 0o755))
}

// run returns the calls in order.
func (m attempted) run() ([]string, error) {
	m.t.Helper()
	command := exec.Command("bash", "attempts.sh", "kubeadm.sh", "kubeadm.yml", "kubernetes", m.path("kept/kubernetes"), "unix:///cri.sock")
	command.Dir = m.dir
	command.Env = []string{"PATH=" + m.path("bin") + ":" + os.Getenv("PATH")}
	output, err := command.CombinedOutput()
	m.t.Logf("%s", output)
	raw, _ := os.ReadFile(m.path("calls")) // without calls there is none
	return strings.Split(strings.TrimSpace(string(raw)), "\n"), err
}

func TestAttemptsScript(t *testing.T) {
	const join, reset = "join, pki, key", "kubeadm reset --force --cri-socket unix:///cri.sock"
	t.Run("a join that succeeds is run once", func(t *testing.T) {
		m := newAttempted(t, joins, 0)
		calls, err := m.run()
		require.NoError(t, err)
		require.Equal(t, []string{join}, calls)
		require.NoDirExists(t, m.path("kept/kubernetes"), "it holds private keys")
	})
	t.Run("what a failed join left is undone, and the cluster's keys are there for the next", func(t *testing.T) {
		m := newAttempted(t, joins, 2)
		calls, err := m.run()
		require.NoError(t, err)
		require.Equal(t, []string{join, reset, "sleep 20", join, reset, "sleep 40", join}, calls)
		require.NoDirExists(t, m.path("kept/kubernetes"))
		console, err := os.ReadFile(m.path("console"))
		require.NoError(t, err)
		require.Contains(t, string(console), "ocne: kubeadm join has failed", "whoever looks at the console of the VM sees it")
	})
	t.Run("in the end it is given up", func(t *testing.T) {
		m := newAttempted(t, joins, 10)
		calls, err := m.run()
		require.Error(t, err)
		require.Len(t, calls, 6+5+5)
		require.Equal(t, join, calls[len(calls)-1], "what the last one left can be looked at")
	})
	t.Run("a machine that was reset in the middle of a join joins again", func(t *testing.T) {
		m := newAttempted(t, joins, 0)
		m.write("kept/kubernetes/pki/ca.key", "key")
		m.write("kubernetes/pki/ca.key", "half")
		m.write("kubernetes/manifests/etcd.yaml", "")
		calls, err := m.run()
		require.NoError(t, err)
		require.Equal(t, []string{reset, join}, calls)
	})
	t.Run("a command after the join that fails does not undo the join", func(t *testing.T) {
		m := newAttempted(t, joins, 0)
		m.write("after", "")
		calls, err := m.run()
		require.Error(t, err)
		require.Equal(t, []string{join}, calls)
		require.NoDirExists(t, m.path("kept/kubernetes"))
	})
	t.Run("an init is run once: others may have begun to join", func(t *testing.T) {
		m := newAttempted(t, inits, 1)
		calls, err := m.run()
		require.Error(t, err)
		require.Equal(t, []string{join}, calls)
		require.NoDirExists(t, m.path("kept"))
	})
}
