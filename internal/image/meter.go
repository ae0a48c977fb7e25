package image

import (
	"fmt"
	"sync"
	"time"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// meter shows how far a transfer of bytes is. It may be used by several goroutines, one at a time or not.
type meter struct {
	name, verb string
	report     progress.Reporter
	now        func() time.Time

	mu    sync.Mutex
	begin time.Time
	first int64 // bytes that were there at the beginning
	told  time.Time
}

const (
	// often is how often a terminal is told.
	often = 200 * time.Millisecond
	// short is what is over too soon to be told.
	short = time.Second
)

func newMeter(report progress.Reporter, name, verb string) *meter {
	return &meter{name: name, verb: verb, report: report, now: time.Now}
}

// at is told that done of total bytes are done. A pipe gets a line each tenth part; a terminal also the rate and the time that is left.
func (m *meter) at(done, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	if m.begin.IsZero() {
		m.begin, m.first = now, done
	}
	if now.Sub(m.begin) < short && m.told.IsZero() {
		return
	}
	if now.Sub(m.told) < often && done < total {
		return
	}
	m.told = now
	state := m.verb
	if total > 0 {
		state = fmt.Sprintf("%s, %d %%", m.verb, done*10/total*10)
	}
	m.report.Show("Node image", []progress.Item{{Name: m.name, State: state, Detail: m.detail(now, done, total), Done: done >= total}})
}

func (m *meter) detail(now time.Time, done, total int64) string {
	text := fmt.Sprintf("%s of %s", Size(done), Size(total))
	seconds := now.Sub(m.begin).Seconds()
	if moved := done - m.first; seconds >= 1 && moved > 0 && done < total {
		rate := float64(moved) / seconds
		left := time.Duration(float64(total-done)/rate) * time.Second
		text += fmt.Sprintf(", %s/s, %s left", Size(int64(rate)), left.Truncate(time.Second))
	}
	return text
}

// Size writes a number of bytes for people: powers of 1024, three digits.
func Size(n int64) string {
	const units = "KMGTP"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for ; value >= 1000 && unit < len(units)-1; unit++ {
		value /= 1024
	}
	format := "%.0f %ciB"
	if value < 10 {
		format = "%.1f %ciB"
	}
	return fmt.Sprintf(format, value, units[unit])
}
