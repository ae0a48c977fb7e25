package rest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim/internal/engine"
	"github.com/ocne-project/ocne/pkg/olvmsim/inventory"
)

// BenchmarkListOf1000VMs is the list of 1,000 VMs without the network.
func BenchmarkListOf1000VMs(b *testing.B) {
	e, err := engine.New(inventory.Default(), engine.Options{}, power{})
	require.NoError(b, err)
	s := New(Options{Engine: e, Passwords: map[string]string{engine.AdminName: "pw"}})
	admin := engine.Call{User: e.Users()[0], CorrelationID: "bench"}
	cluster := engine.Ref{Name: "Default"}
	for i := range 1000 {
		name := fmt.Sprintf("vm%d", i)
		_, err := e.AddVM(admin, engine.VMAdd{Cluster: cluster, Template: engine.Ref{ID: engine.BlankTemplateID}, VMChange: engine.VMChange{Name: &name}})
		require.NoError(b, err)
	}
	for _, accept := range []string{"application/json", "application/xml"} {
		b.Run(accept, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/ovirt-engine/api/vms", http.NoBody)
				r.SetBasicAuth(engine.AdminName, "pw")
				r.Header.Set("Accept", accept)
				w := &discard{header: http.Header{}}
				s.ServeHTTP(w, r)
				require.Equal(b, http.StatusOK, w.status)
				b.SetBytes(w.bytes)
			}
		})
	}
}

// discard counts what a ResponseWriter gets.
type discard struct {
	header http.Header
	status int
	bytes  int64
}

func (d *discard) Header() http.Header    { return d.header }
func (d *discard) WriteHeader(status int) { d.status = status }

func (d *discard) Write(raw []byte) (int, error) {
	d.bytes += int64(len(raw))
	return len(raw), nil
}
