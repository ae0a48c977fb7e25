package crash

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/ocne-project/ocne/api/v1"
	"github.com/ocne-project/ocne/test/programs"
)

// The controllers die after the request for a VM was sent, its Machine is deleted, and only then the engine carries the request out.
func TestARequestThatArrivesAfterItsMachineWasDeletedLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	b := newLab(t).newBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	late := b.newTrap(point{phase: creating, server: engineServer, call: call{name: "POST vms", nth: 1}, moment: beforeCommit})
	late.held = true

	require.NoError(t, b.createCluster(ctx))
	require.NoError(t, b.createMachine(ctx, b.name))
	b.record(late)
	b.launch()
	b.followUntilSprung(ctx, late)
	b.expectOneProviderID(ctx)
	require.NotEmpty(t, b.providerID)

	require.NoError(t, b.deleteAll(ctx))
	b.launch()
	b.poll(ctx, "the new controllers wait for the lost request", late, func(ctx context.Context) (string, error) {
		olvm := &infrav1.OLVMMachine{}
		if err := b.Get(ctx, client.ObjectKey{Namespace: b.namespace, Name: b.name}, olvm); err != nil {
			return "", err // gone already would be an orphan in the making
		}
		ready := meta.FindStatusCondition(olvm.Status.Conditions, infrav1.VMReadyCondition)
		if ready == nil || ready.Reason != infrav1.DeletingReason {
			return fmt.Sprintf("%+v", ready), nil
		}
		return "", nil
	})
	require.Zero(t, b.succeeded(http.MethodPost, "vms"), "the request is still on its way")

	late.letGo()
	<-late.settled
	b.poll(ctx, "nothing is left", late, b.gone)
	require.Equal(t, 1, b.succeeded(http.MethodPost, "vms"), "the request took effect after all")
	b.expectNothing()
}

// followUntilSprung plays Cluster API core until the controllers are dead.
func (b *bench) followUntilSprung(ctx context.Context, t *trap) {
	b.t.Helper()
	for {
		select {
		case <-t.sprung:
			return
		case <-ctx.Done():
			require.FailNow(b.t, "the request was never made", programs.Tail(b.manager.Log))
		case <-time.After(50 * time.Millisecond):
		}
		if err := b.follow(ctx); err != nil && !isConflict(err) {
			require.NoError(b.t, err)
		}
	}
}
