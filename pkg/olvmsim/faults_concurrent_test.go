package olvmsim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// Clients and whoever injects faults do not wait for each other, and nothing impossible comes of it.
func TestFaultsAreInjectedWhileClientsCall(t *testing.T) {
	s := olvmsim.New(t)
	var injectors, clients sync.WaitGroup
	for _, kind := range []olvmsim.Kind{
		olvmsim.Unavailable, olvmsim.DropAfter, olvmsim.DropDelayed, olvmsim.StaleList, olvmsim.PartialList, olvmsim.SlowBoot, olvmsim.DiskLocked,
	} {
		injectors.Go(func() {
			for range 25 {
				id, err := s.Inject(olvmsim.Fault{Probability: 0.3, Effect: olvmsim.Effect{Kind: kind, Delay: olvmsim.Duration(time.Second)}})
				assert.NoError(t, err)
				assert.NoError(t, s.Clear(id))
				s.Faults()
				assert.NoError(t, s.Save(&strings.Builder{}))
			}
		})
	}
	for n := range 8 {
		api := newClient(t, s)
		clients.Go(func() {
			for i := range 8 {
				for _, r := range [][3]string{
					{http.MethodPost, "/vms", vmBody(fmt.Sprintf(`,"name":"n%d-%d"`, n, i))}, {http.MethodGet, "/vms", ""}, {http.MethodGet, "/disks", ""},
				} {
					request, err := http.NewRequestWithContext(t.Context(), r[0], api.url+"/api"+r[1], strings.NewReader(r[2]))
					assert.NoError(t, err)
					request.Header.Set("Authorization", "Bearer "+api.token)
					request.Header.Set("Content-Type", "application/json")
					if response, err := api.http.Do(request); err == nil { // some connections are dropped
						assert.NoError(t, response.Body.Close())
					}
				}
			}
		})
	}
	clients.Wait()
	injectors.Wait()
	require.Empty(t, s.Faults())
	require.Eventually(t, func() bool {
		for _, j := range s.Jobs() {
			if j.Status == "started" {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond)
	require.NoError(t, s.Check())
}
