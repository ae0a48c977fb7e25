package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/internal/machine"
	"github.com/ocne-project/ocne/internal/preflight"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
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
	}{
		"a wrong password": {
			func(_ *olvmsim.Simulator, o *CreateOptions) { o.Getenv = func(string) string { return "wrong" } },
			[]string{"\n  OCNE_OLVM_USERNAME and OCNE_OLVM_PASSWORD\n", "log in to the engine as wrong", "Cannot authenticate user"},
		},
		"several names that do not exist": {
			func(_ *olvmsim.Simulator, o *CreateOptions) {
				o.Config.OLVM.ControlPlaneMachine.VMTemplateName = "ock-9"
				o.Config.OLVM.WorkerMachine.OLVMNetwork.VNICProfileName = "fast"
			},
			[]string{
				"2 things are not right",
				"\n  providers.olvm.controlPlaneMachine.vmTemplateName\n    admin@internal sees no template \"ock-9\"; it sees \"ock\"\n",
				"\n  providers.olvm.workerMachine.olvmNetwork.vnicProfileName\n", `"fast"`, "--skip-preflight=vnic-profile",
			},
		},
		"a data center that does not exist": {
			func(_ *olvmsim.Simulator, o *CreateOptions) { o.Config.OLVM.DatacenterName = "East" },
			[]string{"1 thing is not right", "\n  providers.olvm.olvmDatacenterName\n    admin@internal sees no data center \"East\"; it sees \"Default\"\n"},
		},
		"a certificate that is not trusted": {
			func(_ *olvmsim.Simulator, o *CreateOptions) {
				o.Config.OLVM.APIServer.ServerCAPath = nil
				o.Config.OLVM.APIServer.CAConfigMap.Name = ""
			},
			[]string{"the engine's certificate is not trusted", "curl -k -o ca.pem", "fingerprint", "providers.olvm.olvmOvirtAPIServer.serverCAPath"},
		},
		"an engine that is down": {
			func(engine *olvmsim.Simulator, _ *CreateOptions) { engine.Stop() },
			[]string{"no connection to the engine", "\n  providers.olvm.olvmOvirtAPIServer.serverURL\n"},
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
			require.NotContains(t, err.Error(), engine.Password())
			require.Equal(t, "Nothing was changed.", advised.Advice)
			require.NoDirExists(t, filepath.Join(o.Management.HomeDir, ".ocne"))
		})
	}
}

func TestFindingsOfSkippedChecksAreLeftOut(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	o.Config.OLVM.ControlPlaneMachine.VMTemplateName = "ock-9"
	o.Config.OLVM.DatacenterName = "Default"
	check := func(skip ...string) ([]preflight.Finding, error) {
		return Preflight(t.Context(), PreflightOptions{Config: o.Config, Management: o.Management, Getenv: o.Getenv, Skip: skip}, s.report)
	}
	findings, err := check()
	require.NoError(t, err)
	require.Len(t, findings, 1)
	require.Equal(t, preflight.Template, findings[0].Check)

	findings, err = check("template")
	require.NoError(t, err)
	require.Empty(t, findings)
	require.NotContains(t, s.told.String(), "everything that the machines need is there")

	before := len(engine.Requests())
	findings, err = check("all")
	require.NoError(t, err)
	require.Empty(t, findings)
	require.Len(t, engine.Requests(), before, "the engine is not asked")

	_, err = check("tmplate")
	require.ErrorContains(t, err, `there is no check "tmplate", the nearest is template; there are all, engine, credentials`)
}

func TestAnEngineThatOnlyTheManagementClusterReachesIsAWarning(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	o.Management.Flag = "/management"
	engine.Stop()
	require.NoError(t, checkEngine(t.Context(), o, o.plan(t), s.report))
	require.Contains(t, s.told.String(), "what the configuration names in the engine was not checked: engine "+engine.URL())
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
	_, err := s.create(t.Context(), o, o.plan(t), &memory{off: true}, s.report)
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
	_, err := s.create(t.Context(), o, o.plan(t), &memory{off: true}, s.report)
	require.ErrorIs(t, err, ErrBeingDeleted)
	require.EqualError(t, err, "cluster demo is being deleted")
	require.False(t, s.exists(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ocne"}}))
}

func TestAClusterThatIsMovedInPartIsNotStarted(t *testing.T) {
	s := newSite(t, marked(between))
	o := order(t, olvmsim.New(t))
	_, err := s.create(t.Context(), o, o.plan(t), &memory{off: true}, s.report)
	refused(t, err, "cluster demo (namespace ocne) is moved or restored in part", "Nothing was changed", "ocne management move")
	require.False(t, s.exists(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ocne"}}))
}

// Two administrators, each with a management cluster of their own, must not take each other's cluster for theirs.
func TestAClusterOfAnotherManagementClusterIsNotTakenOver(t *testing.T) {
	engine, s := olvmsim.New(t), newSite(t)
	o := order(t, engine)
	client, err := ovirt.New(ovirt.Config{URL: engine.URL(), Username: engine.Username(), Password: engine.Password(), CA: engine.CA()})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	dataCenter, err := client.DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	clusters, err := client.Clusters(t.Context(), dataCenter.ID)
	require.NoError(t, err)
	template, err := client.TemplateByName(t.Context(), dataCenter.ID, "ock")
	require.NoError(t, err)
	mark := machine.Mark{Cluster: "ocne/demo", Machine: "ocne/demo-control-plane-x"}
	_, err = client.AddVM(t.Context(), ovirt.AddVM{
		ID: uuid.NewString(), Name: "demo-control-plane-x", Comment: mark.Comment(), ClusterID: clusters[0].ID, TemplateID: template.ID, Memory: 1 << 30,
		CPU: ovirt.CPUTopology{Cores: 1, Sockets: 1, Threads: 1},
	}, "c1")
	require.NoError(t, err)

	p := o.plan(t)
	require.NoError(t, checkEngine(t.Context(), o, p, s.report))
	_, err = s.create(t.Context(), o, p, &memory{off: true}, s.report)
	require.ErrorContains(t, err, "the engine holds VMs of a cluster ocne/demo that this management cluster")
	require.ErrorContains(t, err, "demo-control-plane-x")
	require.False(t, s.exists(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ocne"}}))
}
