package machine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

func TestTheMoreOftenTheEngineRefusesTheLaterIsTheNextTry(t *testing.T) {
	for _, kind := range []ovirt.Kind{
		ovirt.Conflict, ovirt.Exists, ovirt.NotFound, ovirt.Unavailable, ovirt.NotEngine, ovirt.Auth, ovirt.Forbidden, ovirt.Quota, ovirt.Invalid, ovirt.Unknown,
	} {
		first, most := pauses(kind)
		require.Less(t, first, most, kind)
		for refusals, pause := 1, first; refusals < 40; refusals++ {
			got := Backoff(kind, refusals)
			require.GreaterOrEqual(t, got, pause, "%s %d", kind, refusals)
			require.LessOrEqual(t, got, time.Duration(float64(pause)*(1+jitter)), "%s %d", kind, refusals)
			pause = min(2*pause, most)
		}
	}
	require.Less(t, Backoff(ovirt.Conflict, 1), Backoff(ovirt.Quota, 1), "locks go away by themselves")
}

func TestPausesDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		seen[Backoff(ovirt.Unavailable, 5)] = true
	}
	require.Greater(t, len(seen), 50, "machines do not ask all at once")
}
