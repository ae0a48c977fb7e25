package crash

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/ocne-project/ocne/test/programs"
)

const (
	kills = 20
	// lifeAtMost is how long the controllers live at most before the next kill; they need about half of it to begin.
	lifeAtMost = 10 * time.Second
	// seedVariable repeats a run.
	seedVariable = "OCNE_CRASH_SEED"
)

// All controllers, Cluster API's own included, are killed again and again while ocne makes a cluster of five nodes.
func TestTwentyKillsAtRandomMomentsOfAStart(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	t.Logf("%s=%d repeats this run", seedVariable, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newStart(t)

	for range kills {
		s.keepGoing(time.Duration(random.Int64N(int64(lifeAtMost))))
		s.manager.Kill()
		s.launch()
	}
	s.finish()
	s.expectFive()
}

func seedOf(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv(seedVariable)
	if given == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(given, 10, 64)
	require.NoError(t, err, seedVariable)
	return seed
}

// start is an administrator who runs the same command until it succeeds, while the controllers come and go.
type start struct {
	t                        *testing.T
	engine                   *programs.Engine
	home, config, management string
	certificates             string
	manager                  *programs.Daemon
	command                  *command
}

// command is one run of ocne.
type command struct {
	verb  string
	ended chan struct{}
	err   error // once ended
	out   bytes.Buffer
}

func newStart(t *testing.T) *start {
	t.Helper()
	s := &start{
		t: t, engine: programs.StartEngine(t, "--guests", "instant"), home: t.TempDir(),
		management: programs.StartControlPlane(t), certificates: t.TempDir(),
	}
	s.config = programs.WriteClusterFile(t, s.home, s.engine, 3, 2)
	s.launch()
	select {
	case <-s.manager.Ready():
	case <-time.After(programs.Patience):
		require.FailNow(t, "the controllers are not ready", programs.Tail(s.manager.Log))
	}
	return s
}

func (s *start) launch() {
	s.manager = programs.Launch(s.t, nil, programs.Path(s.t, "ocne-manager"),
		programs.BundleArguments(s.management, s.certificates, "ReconcilerRateLimiting=false")...)
}

// keepGoing runs the command for a while, again when it ended with an error. A cluster that is complete before the last kill is
// deleted and made anew.
func (s *start) keepGoing(life time.Duration) {
	deadline := time.After(life)
	for {
		if s.command == nil {
			s.command = s.run("start")
		}
		select {
		case <-deadline:
			return
		case <-s.command.ended:
			s.command = s.next()
		}
	}
}

// next is what to run after a command has ended.
func (s *start) next() *command {
	s.t.Logf("ocne cluster %s ended: %v", s.command.verb, s.command.err)
	switch {
	case s.command.err != nil:
		s.t.Log(s.command.out.String())
		return s.run(s.command.verb)
	case s.command.verb == "start":
		return s.run("delete")
	}
	return nil
}

// finish runs the command until it succeeds, with nobody killing anything any more.
func (s *start) finish() {
	s.t.Helper()
	for deadline := time.Now().Add(programs.Patience); time.Now().Before(deadline); {
		if s.command == nil {
			s.command = s.run("start")
		}
		select {
		case <-s.command.ended:
		case <-time.After(time.Until(deadline)):
			require.FailNow(s.t, "ocne does not end", "%s, controllers: %s", s.command.out.String(), programs.Tail(s.manager.Log))
		}
		if s.command.verb == "start" && s.command.err == nil {
			s.t.Log(s.command.out.String())
			return
		}
		s.command = s.next()
	}
	require.FailNow(s.t, "the cluster is not complete")
}

func (s *start) run(verb string) *command {
	c := &command{verb: verb, ended: make(chan struct{})}
	cmd := exec.Command(programs.Path(s.t, "ocne"), "cluster", verb, "--kubeconfig", s.management, "-c", s.config)
	cmd.Env = []string{
		"HOME=" + s.home, "PATH=" + os.Getenv("PATH"),
		"OCNE_OLVM_USERNAME=" + programs.Username, "OCNE_OLVM_PASSWORD=" + programs.Password,
	}
	cmd.Stdout, cmd.Stderr = &c.out, &c.out
	require.NoError(s.t, cmd.Start())
	go func() {
		defer close(c.ended)
		c.err = cmd.Wait()
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended, unless the test failed
		<-c.ended
	})
	return c
}

// expectFive: five Ready nodes, which are the five VMs of the engine, each with an address of its own.
func (s *start) expectFive() {
	s.t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", filepath.Join(s.home, ".kube", "kubeconfig.demo"))
	require.NoError(s.t, err)
	nodes, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
	require.NoError(s.t, err)
	require.Len(s.t, nodes.Items, 5)
	holds := s.engine.Holds(s.t)
	require.Len(s.t, holds.VMs, 5)
	require.Len(s.t, holds.NICs, 5)
	require.Len(s.t, holds.Disks, 6, "one of each VM, and the template's")
	byID, addresses := map[string]string{}, map[string]bool{}
	for _, vm := range holds.VMs {
		byID["olvm://"+vm.ID] = vm.Name
	}
	for i := range nodes.Items {
		node := &nodes.Items[i]
		require.Equal(s.t, node.Name, byID[node.Spec.ProviderID])
		require.True(s.t, isReady(node), node.Name)
		addresses[node.Status.Addresses[0].Address] = true
	}
	require.Len(s.t, addresses, 5)
}

func isReady(node *corev1.Node) bool {
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
