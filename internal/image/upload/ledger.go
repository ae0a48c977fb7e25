package upload

import "sync"

// ledger counts what is sent, and keeps in the state what is safe.
type ledger struct {
	progress func(done, total int64)
	total    int64
	state    *stateFile

	mu      sync.Mutex
	flushed spans
	// sent is what was sent and not lost, as far as is known; reported what progress was told last; wire what went out, all in all.
	sent, reported, wire int64
}

func newLedger(total int64, progress func(done, total int64), state *stateFile) *ledger {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	return &ledger{progress: progress, total: total, state: state}
}

// restart counts what is safe as sent, and nothing else.
func (l *ledger) restart() spans {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = l.flushed.total()
	l.report()
	return l.flushed
}

// wrote counts bytes of data that were dealt with: sent, or left out because they are zeros. What has to be sent again is taken back.
func (l *ledger) wrote(n, wire int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent += n
	l.wire += wire
	l.report()
}

// flush keeps what is safe now.
func (l *ledger) flush(parts []span) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, each := range parts {
		l.flushed = l.flushed.with(each)
	}
	l.state.Flushed = l.flushed
	return l.state.save()
}

// onWire is how many bytes went out.
func (l *ledger) onWire() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wire
}

// report tells progress, which never goes back.
func (l *ledger) report() {
	if l.sent > l.reported || l.reported == 0 {
		l.reported = max(l.sent, l.reported)
		l.progress(l.reported, l.total)
	}
}
