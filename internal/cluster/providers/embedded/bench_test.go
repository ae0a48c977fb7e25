package embedded_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/providers/embedded"
)

// BenchmarkStart is a management cluster from nothing until all controllers are ready, with the real programs, and the share of it that etcd and
// kube-apiserver take.
func BenchmarkStart(b *testing.B) {
	programs, err := filepath.Abs(os.Getenv("OCNE_BIN"))
	require.NoError(b, err)
	if _, err := os.Stat(filepath.Join(programs, "ocne-controlplane")); os.Getenv("OCNE_BIN") == "" || err != nil {
		b.Skip("OCNE_BIN does not name a directory with ocne-controlplane and ocne-manager in it: make bench does")
	}
	var apiServer time.Duration
	for b.Loop() {
		o := embedded.Options{Dir: filepath.Join(b.TempDir(), "management"), Programs: programs, Getenv: os.Getenv}
		begin := time.Now()
		o.Report = func(text string) {
			if text == "starting the controllers of Cluster API, kubeadm and OLVM" {
				apiServer += time.Since(begin)
			}
		}
		s, err := embedded.Start(b.Context(), o)
		require.NoError(b, err)
		b.StopTimer()
		stopped, err := s.StopIfIdle(context.WithoutCancel(b.Context()), func(context.Context) (bool, error) { return true, nil })
		require.NoError(b, err)
		require.True(b, stopped)
		b.StartTimer()
	}
	require.Positive(b, apiServer)
	b.ReportMetric(apiServer.Seconds()/b.Elapsed().Seconds(), "apiserver/all")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/start")
}
