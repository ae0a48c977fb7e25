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
	awaitDown(t, e, id) // its disks are made
	return id
}

func awaitDown(t *testing.T, e *Engine, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		vm, err := e.Client().VM(t.Context(), id)
		return err == nil && vm.Status == ovirt.StatusDown
	}, time.Minute, 50*time.Millisecond, "the VM is down")
}

func TestAnEngineThatHangsDoesNotKeepOthersFromBeingAsked(t *testing.T) {
	_, engines, account := simulated(t)
	var lc net.ListenConfig
	hung, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	require.NoError(t, err)
	defer hung.Close()
	_, err = engines.For(Account{URL: "https://" + hung.Addr().String() + "/ovirt-engine", Username: "a", Password: "b", InsecureSkipTLSVerify: true})
	require.NoError(t, err)
	e, told := listener(t, engines, account)
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
	id := addVM(t, e)
	pollOnce(t, engines, e)
	require.Contains(t, receive(t, told), id)
	failure = nil
	for range 2 {
		pollOnce(t, engines, e)
	}
	require.Contains(t, receive(t, told), id)
	require.Empty(t, told, "once is enough")
}

// Two polls that read the same say nothing about what was read between them: a machine that saw its VM run counts on it, and is to hear that
// it went down again.
func TestAVMThatRanBetweenTwoPollsAndWasSeenIsTold(t *testing.T) {
	_, engines, account := simulated(t)
	e, told := listener(t, engines, account)
	id := toldVM(t, engines, e, told)

	require.NoError(t, e.Client().StartVM(t.Context(), id))
	seen, err := e.Snapshot(t.Context(), time.Now())
	require.NoError(t, err)
	require.NotEqual(t, ovirt.StatusDown, seen.VM(id).Status)
	require.NoError(t, e.Client().StopVM(t.Context(), id))
	awaitDown(t, e, id)
	pollOnce(t, engines, e)
	require.Contains(t, receive(t, told), id)
	pollOnce(t, engines, e)
	require.Empty(t, told, "once is enough")
}

func TestAVMThatWasThereBetweenTwoPollsOnlyAndWasSeenIsTold(t *testing.T) {
	_, engines, account := simulated(t)
	e, told := listener(t, engines, account)
	pollOnce(t, engines, e)
	drain(told)
	id := addVM(t, e)
	seen, err := e.Snapshot(t.Context(), time.Now())
	require.NoError(t, err)
	require.NotNil(t, seen.VM(id))
	removeVM(t, e, id)
	pollOnce(t, engines, e)
	require.Contains(t, receive(t, told), id)
}

// The one who touched it may have seen it by its id only.
func TestAVMThatIsInNoListIsToldOnceItWasTouched(t *testing.T) {
	_, engines, account := simulated(t)
	e, told := listener(t, engines, account)
	pollOnce(t, engines, e)
	drain(told)
	e.Touch("gone")
	pollOnce(t, engines, e)
	require.Equal(t, []string{"gone"}, receive(t, told))
}

// Credentials that were replaced, or came back after their connection was given up, lead to a new one, whose lists never had what vanished
// before.
func TestANewConnectionIsToldOnceItHasReadAList(t *testing.T) {
	_, engines, account := simulated(t)
	e, _ := listener(t, engines, account)
	calls, failure := 0, errors.New("the cache is not ready")
	engines.Connected = func(context.Context) error {
		calls++
		require.NotNil(t, e.Listed())
		return failure
	}
	pollOnce(t, engines, e)
	require.Equal(t, 1, calls)
	failure = nil
	pollOnce(t, engines, e)
	require.Equal(t, 2, calls, "what could not be told is told again")
	pollOnce(t, engines, e)
	require.Equal(t, 2, calls, "once is enough")
}

// listener returns the connection of an account and the ids of what is told about.
func listener(t *testing.T, engines *Engines, account Account) (*Engine, chan []string) {
	t.Helper()
	e, err := engines.For(account)
	require.NoError(t, err)
	told := make(chan []string, 10)
	engines.Changed = func(_ context.Context, ids []string) error {
		told <- ids
		return nil
	}
	return e, told
}

// pollOnce polls with a list of its own, and waits until everything is told.
func pollOnce(t *testing.T, engines *Engines, e *Engine) {
	t.Helper()
	later(e)
	var wg sync.WaitGroup
	engines.poll(t.Context(), &wg)
	wg.Wait()
}

// toldVM makes a VM that was told about.
func toldVM(t *testing.T, engines *Engines, e *Engine, told <-chan []string) string {
	t.Helper()
	id := addVM(t, e)
	pollOnce(t, engines, e)
	require.Contains(t, receive(t, told), id)
	return id
}

func drain(told <-chan []string) {
	for len(told) > 0 {
		<-told
	}
}

func removeVM(t *testing.T, e *Engine, id string) {
	t.Helper()
	require.NoError(t, e.Client().RemoveVM(t.Context(), id))
	require.Eventually(t, func() bool {
		_, err := e.Client().VM(t.Context(), id)
		return ovirt.KindOf(err) == ovirt.NotFound
	}, time.Minute, 50*time.Millisecond)
}

// later lets the next poll read a list of its own.
func later(e *Engine) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.snapshot != nil {
		e.snapshot = &Snapshot{byID: e.snapshot.byID}
	}
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
