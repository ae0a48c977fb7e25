package olvmsim

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
)

// benchVMs is the size of the installation that is measured.
const benchVMs = 1000

// populate makes VMs from the template and lets the engine finish them.
func populate(b *testing.B, s *Simulator) (ids []string) {
	b.Helper()
	admin := engine.Call{User: s.engine.Users()[0], CorrelationID: "bench"}
	for i := range benchVMs {
		name := fmt.Sprintf("vm%04d", i)
		vm, err := s.engine.AddVM(admin, engine.VMAdd{
			Cluster: engine.Ref{Name: "Default"}, Template: engine.Ref{Name: "ock"}, VMChange: engine.VMChange{Name: &name},
		})
		require.NoError(b, err)
		ids = append(ids, vm.ID)
	}
	require.NoError(b, s.Advance(time.Hour))
	return ids
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // finalizers of the first
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkEngineOf1000VMs measures over HTTPS: the list of all VMs, and single VMs by many clients at once.
func BenchmarkEngineOf1000VMs(b *testing.B) {
	s := New(b, Options{Clock: Stepped})
	before := heap()
	ids := populate(b, s)
	perVM := float64(heap()-before) / benchVMs
	roots := x509.NewCertPool()
	require.True(b, roots.AppendCertsFromPEM(s.CA()))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64}}
	b.Cleanup(client.CloseIdleConnections)
	get := func(b *testing.B, path, accept string) {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL()+"/api/"+path, http.NoBody)
		require.NoError(b, err)
		r.SetBasicAuth(s.Username(), s.Password())
		r.Header.Set("Accept", accept)
		answer, err := client.Do(r)
		require.NoError(b, err)
		n, err := io.Copy(io.Discard, answer.Body)
		require.NoError(b, err)
		require.NoError(b, answer.Body.Close())
		require.Equal(b, http.StatusOK, answer.StatusCode)
		b.SetBytes(n)
	}
	for _, format := range []string{"json", "xml"} {
		b.Run("list/"+format, func(b *testing.B) {
			for b.Loop() {
				get(b, "vms", "application/"+format)
			}
			b.ReportMetric(perVM, "B/VM")
		})
		b.Run("one/"+format, func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					get(b, "vms/"+ids[i%len(ids)], "application/"+format)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
