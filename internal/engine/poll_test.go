package engine

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// addVM makes a VM, which every list that follows has, and whose status does not change any more.
func addVM(t *testing.T, e *Engine) string {
	t.Helper()
	dataCenter, err := e.Client().DataCenterByName(t.Context(), "Default")
	require.NoError(t, err)
	clusters, err := e.Client().Clusters(t.Context(), dataCenter.ID)
	require.NoError(t, err)
	template, err := e.Client().TemplateByName(t.Context(), dataCenter.ID, "ock")
	require.NoError(t, err)
	id := uuid.NewString()
	_, err = e.Client().AddVM(t.Context(), ovirt.AddVM{ID: id, Name: "vm-" + id[:8], ClusterID: clusters[0].ID, TemplateID: template.ID}, "c1")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		vm, err := e.Client().VM(t.Context(), id)
		return err == nil && vm.Status == ovirt.StatusDown
	}, time.Minute, 50*time.Millisecond, "its disks are made")
	return id
}

func TestAnEngineThatHangsDoesNotKeepOthersFromBeingAsked(t *testing.T) {
	_, engines, account := simulated(t)
	var lc net.ListenConfig
	hung, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	defer hung.Close()
	_, err = engines.For(Account{URL: "https://" + hung.Addr().String() + "/ovirt-engine", Username: "a", Password: "b", InsecureSkipTLSVerify: true})
	require.NoError(t, err)
	e, err := engines.For(account)
	require.NoError(t, err)
	told := make(chan []string, 10)
	engines.Changed = func(_ context.Context, ids []string) error {
		told <- ids
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	first := addVM(t, e)
	engines.poll(ctx, &wg)
	require.Contains(t, receive(t, told), first)
	second := addVM(t, e)
	later(e)
	engines.poll(ctx, &wg) // the other one has not answered yet
	require.Contains(t, receive(t, told), second)
}

func TestWhatCouldNotBeToldIsToldAgain(t *testing.T) {
	_, engines, account := simulated(t)
	e, err := engines.For(account)
	require.NoError(t, err)
	told := make(chan []string, 10)
	failure := errors.New("the cache is not ready")
	engines.Changed = func(_ context.Context, ids []string) error {
		told <- ids
		return failure
	}
	var wg sync.WaitGroup
	id := addVM(t, e)
	engines.poll(t.Context(), &wg)
	wg.Wait()
	require.Contains(t, receive(t, told), id)
	failure = nil
	for range 2 {
		later(e)
		engines.poll(t.Context(), &wg)
		wg.Wait()
	}
	require.Contains(t, receive(t, told), id)
	require.Empty(t, told, "once is enough")
}

// later lets the next poll read a list of its own.
func later(e *Engine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.snapshot = nil
}

func receive(t *testing.T, told <-chan []string) []string {
	t.Helper()
	select {
	case ids := <-told:
		return ids
	case <-time.After(time.Minute):
		require.FailNow(t, "nobody was told")
		return nil
	}
}
