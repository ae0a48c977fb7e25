package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// configured is a cluster that fits the simulator's default inventory.
const configured = `name: demo
provider: olvm
virtualIp: 192.0.2.160
providers:
  olvm:
    olvmDatacenterName: Default
    olvmOvirtAPIServer: {serverURL: %q, serverCAPath: %q}
    controlPlaneMachine: &machine
      olvmOvirtClusterName: Default
      vmTemplateName: ock
      olvmNetwork: {networkName: ovirtmgmt, vnicProfileName: ovirtmgmt}
      virtualMachine: {network: {ipv4: {subnet: 192.0.2.0/24, ipAddresses: "192.0.2.161-192.0.2.180"}}}
    workerMachine: *machine
`

// order is what a user who knows the engine's password asks for.
func order(t *testing.T, engine *olvmsim.Simulator) CreateOptions {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, "demo.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, configured, engine.URL(), engine.CAFile()), 0o600))
	c, _, err := config.Load(config.Options{ClusterFile: file, HomeDir: home})
	require.NoError(t, err)
	environ := map[string]string{config.UsernameVariable: engine.Username(), config.PasswordVariable: engine.Password()}
	return CreateOptions{
		Config: c, Getenv: func(name string) string { return environ[name] },
		Management: ManagementOptions{HomeDir: home, Getenv: func(string) string { return "" }},
	}
}

func (o CreateOptions) plan(t *testing.T) *plan {
	t.Helper()
	p, err := newPlan(o.Config, o.Getenv)
	require.NoError(t, err)
	return p
}

func TestAnEngineThatHasEverythingPassesTheCheckAndNoSessionStays(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	require.NoError(t, checkEngine(t.Context(), o, o.plan(t), s.report))
	require.Contains(t, s.told.String(), "everything that the machines need is there")
	requests := engine.Requests()
	require.Contains(t, requests[len(requests)-1].Path, "sso-logout")
}

func TestWhatTheEngineRefusesIsToldBeforeAnythingIsMade(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(*olvmsim.Simulator, *CreateOptions)
		errors []string
		advice string
	}{
		"a wrong password": {
			func(_ *olvmsim.Simulator, o *CreateOptions) { o.Getenv = func(string) string { return "wrong" } },
			[]string{"log in to the engine as wrong"}, "Set OCNE_OLVM_USERNAME and OCNE_OLVM_PASSWORD",
		},
		"names that do not exist": {
			func(_ *olvmsim.Simulator, o *CreateOptions) {
				o.Config.OLVM.ControlPlaneMachine.VMTemplateName = "ock-9"
				o.Config.OLVM.WorkerMachine.OLVMNetwork.VNICProfileName = "fast"
			},
			[]string{
				"\n  providers.olvm.controlPlaneMachine.vmTemplateName: find template ock-9: not found",
				"\n  providers.olvm.workerMachine.olvmNetwork.vnicProfileName: find vNIC profile fast: not found",
			},
			"Correct the names",
		},
		"a data center that does not exist": {
			func(_ *olvmsim.Simulator, o *CreateOptions) { o.Config.OLVM.DatacenterName = "East" },
			[]string{"providers.olvm.olvmDatacenterName: find data center East: not found"}, "Correct the names",
		},
		"a certificate that is not trusted": {
			func(_ *olvmsim.Simulator, o *CreateOptions) {
				o.Config.OLVM.APIServer.ServerCAPath = nil
				o.Config.OLVM.APIServer.CAConfigMap.Name = ""
			},
			[]string{"the engine's certificate is not trusted"}, "Give the engine's CA",
		},
		"an engine that is down": {
			func(engine *olvmsim.Simulator, _ *CreateOptions) { engine.Stop() },
			[]string{"no connection to the engine"}, "Check providers.olvm.olvmOvirtAPIServer.serverURL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			engine, s := olvmsim.New(t), newSite(t)
			o := order(t, engine)
			test.spoil(engine, &o)
			_, err := Create(t.Context(), o, s.report)
			var advised *AdvisedError
			require.ErrorAs(t, err, &advised)
			for _, text := range append(test.errors, "engine "+engine.URL()) {
				require.ErrorContains(t, err, text)
			}
			require.Contains(t, advised.Advice, test.advice)
			require.Contains(t, advised.Advice, "Nothing was changed.")
			require.NoDirExists(t, filepath.Join(o.Management.HomeDir, ".ocne"))
		})
	}
}

func TestAnEngineThatOnlyTheManagementClusterReachesIsAWarning(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	o.Management.Flag = "/management"
	engine.Stop()
	require.NoError(t, checkEngine(t.Context(), o, o.plan(t), s.report))
	require.Contains(t, s.told.String(), "Warning: What the configuration names in the engine was not checked")
}

func TestACAThatOnlyTheManagementClusterHoldsIsAWarning(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	o.Config.OLVM.APIServer.ServerCAPath = nil
	o.Config.OLVM.APIServer.CAConfigMap.Name = "engine-ca"
	require.NoError(t, checkEngine(t.Context(), o, o.plan(t), s.report))
	require.Contains(t, s.told.String(), "the engine's certificate is not trusted")
}

func TestOtherMachinesThanTheClusterHasAreRefusedBeforeAnythingIsChanged(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	require.NoError(t, s.checkExisting(t.Context(), o.plan(t)))
	require.NoError(t, s.applyPlan(t.Context(), o.plan(t), s.report))
	o.Config.WorkerNodes = 5
	require.NoError(t, s.checkExisting(t.Context(), o.plan(t)), "another number of machines is fine")

	o.Config.OLVM.WorkerMachine.VMTemplateName = "ock-2"
	_, err := s.create(t.Context(), o, o.plan(t), s.report)
	require.EqualError(t, err, "the machines of cluster demo were made from other values than the configuration has now (template demo-md-0)")
	var advised *AdvisedError
	require.ErrorAs(t, err, &advised)
	deployment := &clusterv1.MachineDeployment{ObjectMeta: named("ocne", "demo-md-0")}
	require.True(t, s.exists(t, deployment))
	require.Equal(t, int32(1), *deployment.Spec.Replicas)
}

func TestAClusterThatIsBeingDeletedIsNotStarted(t *testing.T) {
	leaving := capiCluster("ocne", "demo", "OLVMCluster")
	leaving.Finalizers = []string{"test/stays"}
	s := newSite(t, leaving)
	require.NoError(t, s.Client.Delete(t.Context(), leaving))
	o := order(t, olvmsim.New(t))
	_, err := s.create(t.Context(), o, o.plan(t), s.report)
	require.ErrorIs(t, err, ErrBeingDeleted)
	require.EqualError(t, err, "cluster demo is being deleted")
	require.False(t, s.exists(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ocne"}}))
}
