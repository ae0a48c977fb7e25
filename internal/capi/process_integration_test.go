package capi_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/capi"
)

// process is a program that said on stdout, in one line of JSON, that it is ready.
type process struct {
	cmd    *exec.Cmd
	log    string // file with its stderr
	exited chan error
}

// program is the path of a program of this project: in $OCNE_BIN, or in bin at the top of the tree.
func program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("OCNE_BIN")
	if dir == "" {
		dir = filepath.Join("..", "..", "bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, name))
	require.NoError(t, err)
	require.FileExists(t, path, "build it first: make build, or set OCNE_BIN to the directory of the programs")
	return path
}

// launch starts a program and decodes its ready line; ready is false when it ended without one.
func launch(t *testing.T, line any, name string, args ...string) (p *process, ready bool) {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	require.NoError(t, err)
	defer log.Close()
	p = &process{cmd: exec.Command(program(t, name), args...), log: log.Name(), exited: make(chan error, 1)}
	p.cmd.Stderr = log
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewScanner(stdout)
	ready = lines.Scan()
	if ready {
		require.NoError(t, json.Unmarshal(lines.Bytes(), line), lines.Text())
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.stop() })
	return p, ready
}

// stop ends the process and returns how it ended. It may be called again.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case err := <-p.exited:
		p.exited <- err
		return err
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		return <-p.exited
	}
}

// stderr is what the process has logged so far.
func (p *process) stderr(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(p.log)
	require.NoError(t, err)
	return string(content)
}

// managementCluster is an API server of the test's own.
type managementCluster struct {
	client.Client
	kubeconfig string
	rest       *rest.Config
}

func startManagementCluster(t *testing.T) *managementCluster {
	t.Helper()
	var line struct{ Kubeconfig string }
	p, ready := launch(t, &line, "ocne-controlplane", "--dir", filepath.Join(t.TempDir(), "controlplane"), "--fsync=false")
	require.True(t, ready, p.stderr(t))
	cfg, err := clientcmd.BuildConfigFromFlags("", line.Kubeconfig)
	require.NoError(t, err)
	cfg.QPS = -1
	c, err := client.New(cfg, client.Options{Scheme: capi.NewScheme()})
	require.NoError(t, err)
	return &managementCluster{Client: c, kubeconfig: line.Kubeconfig, rest: cfg}
}

// manager is a running ocne-manager.
type manager struct {
	*process
	WebhookURL, HealthURL string
}

func (c *managementCluster) tryManager(t *testing.T, args ...string) (m *manager, ready bool) {
	t.Helper()
	m = &manager{}
	m.process, ready = launch(t, m, "ocne-manager", append([]string{"--kubeconfig", c.kubeconfig}, args...)...)
	return m, ready
}

// startBundle starts ocne-manager with everything in it.
func (c *managementCluster) startBundle(t *testing.T, args ...string) *manager {
	t.Helper()
	start := time.Now()
	m, ready := c.tryManager(t, append([]string{
		"--providers", string(capi.Bundle), "--install", "--feature-gates", "ReconcilerRateLimiting=false",
	}, args...)...)
	require.True(t, ready, "ocne-manager did not become ready:\n%s", m.stderr(t))
	t.Logf("ocne-manager was ready after %.1f s", time.Since(start).Seconds())
	return m
}
