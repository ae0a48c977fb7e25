package cluster

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/capi"
	"github.com/ocne-project/ocne/internal/cluster/local"
	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/providers/libvirt"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/config"
)

func TestAnEphemeralClusterThatMustBeOnLibvirtIsMadeNowhereElse(t *testing.T) {
	home := t.TempDir()
	o := CreateOptions{
		Config:     &config.Config{Ephemeral: config.Ephemeral{Type: config.EphemeralLibvirt, Name: "small"}},
		Management: ManagementOptions{HomeDir: home, Getenv: func(string) string { return "" }},
	}
	o.Config.Libvirt.URI = "qemu:///system?socket=" + filepath.Join(home, "none")
	_, err := o.openOrMake(t.Context(), progress.Quiet{})
	require.ErrorIs(t, err, libvirt.ErrNoDaemon)
	require.ErrorContains(t, err, "ephemeral management cluster: connect to ")
	left, err := os.ReadDir(home)
	require.NoError(t, err)
	require.Empty(t, left)
}

// E0, E4: whatever is left in it, and whatever the configuration says, is asked for before it is removed.
func TestE0E4AManagementClusterOnLibvirtIsRemovedOnlyWhenItHoldsNothingAndShallNotStay(t *testing.T) {
	named := func(o client.Object) client.Object {
		o.SetName("demo")
		o.SetNamespace("ocne")
		return o
	}
	for name, test := range map[string]struct {
		holds    []client.Object
		preserve bool
		removed  bool
	}{
		"nothing is in it":                 {removed: true},
		"a cluster is in it":               {holds: []client.Object{named(&clusterv1.Cluster{})}},
		"a machine of no cluster is in it": {holds: []client.Object{named(&infrav1.OLVMMachine{})}},
		"it shall stay":                    {preserve: true},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			use, err := local.Use(t.Context(), home, "small", progress.Quiet{})
			require.NoError(t, err)
			m := &Management{
				Client:  fake.NewClientBuilder().WithScheme(capi.NewScheme()).WithObjects(test.holds...).Build(),
				hosted:  &hosted{libvirt.Connection{URI: "qemu:///system?socket=" + filepath.Join(home, "none")}, use},
				homeDir: home, preserve: test.preserve,
				place: record.Management{Kind: record.Libvirt, Cluster: "small", Host: "qemu:///system", Files: []string{filepath.Join(home, "kubeconfig")}},
			}
			err = m.CloseAndStopIfIdle(t.Context(), progress.Quiet{})
			if test.removed { // it was about to be: no libvirt host is here
				require.ErrorIs(t, err, libvirt.ErrNoDaemon)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestTheManagementClusterOnLibvirtIsRememberedWithItsHost(t *testing.T) {
	home := t.TempDir()
	kubeconfig := filepath.Join(home, "kubeconfig.small")
	require.NoError(t, os.WriteFile(kubeconfig, apiServer(t), 0o600))
	o := ManagementOptions{HomeDir: home, Getenv: func(string) string { return "" }, Preserve: true}
	o.recorded = &record.Management{Kind: record.Libvirt, Files: []string{kubeconfig}, Host: "qemu:///system", Cluster: "small"}
	rules, from := o.kubeconfigSource()
	require.Contains(t, from, "clusters.yaml")
	m := &Management{}
	require.NoError(t, m.locate(o, rules, o.clientConfig(rules), "https://192.0.2.1:6443"))
	require.Equal(t, record.Libvirt, m.place.Kind)
	require.Equal(t, "the management cluster small on qemu:///system (kubeconfig "+kubeconfig+", context c)", m.place.String())
	require.NoError(t, o.host(t.Context(), m))
	require.True(t, m.preserve)
	require.NoError(t, m.Close())

	o.Flag = kubeconfig
	m = &Management{}
	require.NoError(t, m.locate(o, rules, o.clientConfig(rules), "https://192.0.2.1:6443"))
	require.Equal(t, record.Kubeconfig, m.place.Kind, "whoever names it by --kubeconfig looks after it")
}

func TestControllersThatDoNotComeUpAreToldWithWhatIsLeft(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, apiServer(t), 0o600))
	c, err := ManagementOptions{}.hostedControllers("small", kubeconfig, progress.Quiet{})
	require.NoError(t, err)
	late := c.notRunning("localhost/ocne-manager:1", "no image")
	require.EqualError(t, late, "the controllers (image localhost/ocne-manager:1) do not run in cluster small after 40m0s: no image")
	var advised *AdvisedError
	require.ErrorAs(t, late, &advised)
	require.NotContains(t, advised.Advice, "from where it was", "it is nobody's but its own")
	require.Contains(t, advised.Advice, "What the management cluster holds is as it was. Look at the Pod")

	gone := removedInstead(late)
	require.EqualError(t, gone, late.Error())
	require.ErrorAs(t, gone, &advised)
	require.NotContains(t, advised.Advice, "Look at the Pod", "it is not there any more")
	require.Contains(t, advised.Advice, "What was made of it was removed.")
}
