package machine

import (
	"math/rand/v2"
	"time"

	"github.com/ocne-project/ocne/pkg/ovirt"
)

// jitter is how much of a pause is left to chance, so that a thousand machines do not ask at once.
const jitter = 0.3

// Backoff is when to ask again after the engine refused something for the given number of times in a row: soon and seldom for locks,
// which go away by themselves; later and up to minutes for what a person has to change. The pause doubles each time, up to a ceiling,
// and up to 30 % of it are added by chance.
func Backoff(kind ovirt.Kind, refusals int) time.Duration {
	first, most := pauses(kind)
	pause := most
	if doublings := max(refusals-1, 0); doublings < 16 {
		pause = min(most, first<<doublings)
	}
	return pause + time.Duration(rand.Float64()*jitter*float64(pause)) //nolint:gosec // not a secret
}

func pauses(kind ovirt.Kind) (first, most time.Duration) {
	switch kind {
	case ovirt.Conflict:
		return 2 * time.Second, 30 * time.Second
	case ovirt.Exists, ovirt.NotFound:
		return 5 * time.Second, time.Minute
	case ovirt.Unavailable, ovirt.NotEngine: // the breaker of the engine asks more often; this is for the machines behind it
		return 10 * time.Second, 2 * time.Minute
	case ovirt.Forbidden, ovirt.Quota: // whoever removes the cause and starts again waits for the next try
		return 10 * time.Second, 20 * time.Second
	case ovirt.Auth: // engines lock accounts
		return 30 * time.Second, 5 * time.Minute
	default:
		return 30 * time.Second, 2 * time.Minute
	}
}
