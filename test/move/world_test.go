// Package move proves that clusterctl move takes clusters from one management cluster to another at any time of their lives.
package move

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-logr/logr"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/cmd/clusterctl/client"
	clusterctlconfig "sigs.k8s.io/cluster-api/cmd/clusterctl/client/config"
	runtimeclient "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/internal/config"
	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/test/programs"
)

const clusterName = "demo"

// world is an engine with two management clusters; a cluster is in one of them.
type world struct {
	t      *testing.T
	engine *programs.Engine
	sides  [2]*programs.Bundle
	// here is the side where the cluster is.
	here   int
	config *config.Config
	mover  client.Client
	// wakeGuests lets the guests run that were switched on while they hung.
	wakeGuests func()
	// moves counts those that were carried out.
	moves int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, engine: programs.StartEngine(t, "--guests", "instant")}
	w.sides = [2]*programs.Bundle{programs.StartBundle(t), programs.StartBundle(t)}
	var err error
	w.config, _, err = config.Load(config.Options{ClusterFile: programs.WriteClusterFile(t, t.TempDir(), w.engine, 1, 2), HomeDir: t.TempDir()})
	require.NoError(t, err)
	log.SetLogger(logr.Discard()) // clusterctl's client asks for one
	settings, err := clusterctlconfig.New(t.Context(), "", clusterctlconfig.InjectReader(clusterctlconfig.NewMemoryReader()))
	require.NoError(t, err)
	w.mover, err = client.New(t.Context(), "", client.InjectConfig(settings))
	require.NoError(t, err)
	return w
}

func (w *world) source() *programs.Bundle { return w.sides[w.here] }
func (w *world) target() *programs.Bundle { return w.sides[1-w.here] }

func (w *world) inNamespace() runtimeclient.ListOption {
	return runtimeclient.InNamespace(w.config.Namespace)
}

func (w *world) key(name string) runtimeclient.ObjectKey {
	return runtimeclient.ObjectKey{Namespace: w.config.Namespace, Name: name}
}

// create makes the cluster without workers; the credentials and the CA come later.
func (w *world) create() {
	w.t.Helper()
	c := w.source()
	require.NoError(w.t, c.Create(w.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.config.Namespace}}))
	objects, err := w.config.Objects()
	require.NoError(w.t, err)
	for _, object := range objects {
		if workers, ok := object.(*clusterv1.MachineDeployment); ok {
			*workers.Spec.Replicas = 0
		}
		require.NoError(w.t, c.Create(w.t.Context(), object), object.GetName())
	}
}

// createCredentials makes the Secret and the CA as a user does who has never heard of the label of clusterctl.
func (w *world) createCredentials() {
	w.t.Helper()
	ca, err := w.config.CAConfigMap()
	require.NoError(w.t, err)
	secret := w.config.CredentialsSecret(config.Credentials{Username: programs.Username, Password: programs.Password})
	ca.Labels, secret.Labels = nil, nil
	require.NoError(w.t, w.source().Create(w.t.Context(), ca))
	require.NoError(w.t, w.source().Create(w.t.Context(), secret))
}

// move is one clusterctl move to the other side.
func (w *world) move() error {
	kubeconfig := func(b *programs.Bundle) client.Kubeconfig { return client.Kubeconfig{Path: b.Kubeconfig} }
	return w.mover.Move(w.t.Context(), client.MoveOptions{
		FromKubeconfig: kubeconfig(w.source()), ToKubeconfig: kubeconfig(w.target()), Namespace: w.config.Namespace,
	})
}

// expectRefused checks that clusterctl moves nothing now, and leaves the cluster as it is.
func (w *world) expectRefused(t *testing.T, why string) {
	t.Helper()
	err := w.move()
	require.ErrorContains(t, err, why)
	cluster := &clusterv1.Cluster{}
	require.NoError(t, w.source().Get(t.Context(), w.key(clusterName), cluster))
	require.Nil(t, cluster.Spec.Paused)
	clusters := &clusterv1.ClusterList{}
	require.NoError(t, w.target().List(t.Context(), clusters))
	require.Empty(t, clusters.Items)
}

// hold keeps the engine from carrying out a call until release is called.
func (w *world) hold(t *testing.T, method, path, vms string) (release func()) {
	t.Helper()
	return w.engine.Inject(t, olvmsim.Fault{
		Match: olvmsim.Match{Method: method, Path: path, VM: vms}, Effect: olvmsim.Effect{Kind: olvmsim.Locked},
	})
}

func (w *world) machines(c runtimeclient.Client) []clusterv1.Machine {
	w.t.Helper()
	list := &clusterv1.MachineList{}
	require.NoError(w.t, c.List(context.Background(), list, w.inNamespace()))
	return list.Items
}

func (w *world) olvmMachines(c runtimeclient.Client) []infrav1.OLVMMachine {
	w.t.Helper()
	list := &infrav1.OLVMMachineList{}
	require.NoError(w.t, c.List(context.Background(), list, w.inNamespace()))
	return list.Items
}

func (w *world) olvmMachine(t *testing.T, name string) *infrav1.OLVMMachine {
	t.Helper()
	olvm := &infrav1.OLVMMachine{}
	require.NoError(t, w.source().Get(t.Context(), w.key(name), olvm))
	return olvm
}

// change patches an object where the cluster is.
func change[T runtimeclient.Object](t *testing.T, w *world, name string, object T, edit func(T)) {
	t.Helper()
	require.NoError(t, w.source().Get(t.Context(), w.key(name), object))
	before := object.DeepCopyObject().(runtimeclient.Object)
	edit(object)
	require.NoError(t, w.source().Patch(t.Context(), object, runtimeclient.MergeFrom(before)))
}

// until waits for one OLVMMachine in some state, and returns its name.
func (w *world) until(t *testing.T, what string, state func(infrav1.OLVMMachine) bool) (name string) {
	t.Helper()
	programs.Eventually(t, what, func() (bool, string) {
		seen := ""
		for _, olvm := range w.olvmMachines(w.source()) {
			if state(olvm) {
				name = olvm.Name
				return true, ""
			}
			seen += fmt.Sprintf("%s %+v\n", olvm.Name, olvm.Status.Conditions)
		}
		return false, seen
	})
	return name
}
