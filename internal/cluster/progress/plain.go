package progress

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// settle is how long a detail must stay the same before it gets a line of its own. Most are passing; the ones that last explain why
// something does not go on.
const settle = 3 * time.Second

// Plain writes one line whenever something changes, for pipes and log files.
type Plain struct {
	out   io.Writer
	now   func() time.Time
	begin time.Time
	shown map[string]*shownItem
}

type shownItem struct {
	state  string
	detail string    // the last one written
	latest string    // the present one
	since  time.Time // when latest appeared
}

// NewPlain returns a Reporter that writes to out; elapsed times count from this call.
func NewPlain(out io.Writer, now func() time.Time) *Plain {
	return &Plain{out: out, now: now, begin: now(), shown: map[string]*shownItem{}}
}

// Step writes a line.
func (p *Plain) Step(text string) { p.line(OneLine(text)) }

// Warn writes a line that begins with "Warning:".
func (p *Plain) Warn(text string) { p.line("Warning: " + OneLine(text)) }

// Close ends the wait whose items were shown: those of the next one are others. Every line stays.
func (p *Plain) Close() { clear(p.shown) }

// Show writes a line for every item whose state is new, whose detail has settled, or that is gone.
func (p *Plain) Show(_ string, items []Item) {
	present := map[string]bool{}
	for _, item := range items {
		present[item.Name] = true
		if line, ok := p.changed(item); ok {
			p.line(line)
		}
	}
	var gone []string
	for name := range p.shown {
		if !present[name] {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	for _, name := range gone {
		delete(p.shown, name)
		p.line(OneLine(name) + ": gone")
	}
}

func (p *Plain) changed(item Item) (string, bool) {
	now := p.now()
	s, known := p.shown[item.Name]
	if !known {
		s = &shownItem{}
		p.shown[item.Name] = s
	}
	if !known || s.latest != item.Detail {
		s.latest, s.since = item.Detail, now
	}
	settled := item.Detail != s.detail && now.Sub(s.since) >= settle
	if settled {
		s.detail = item.Detail
	}
	if known && s.state == item.State && (!settled || item.Detail == "") {
		return "", false
	}
	s.state = item.State
	if !settled {
		item.Detail = ""
	}
	return item.Text(), true
}

func (p *Plain) line(text string) {
	_, _ = fmt.Fprintf(p.out, "[%6s] %s\n", elapsed(p.now().Sub(p.begin)), strings.TrimSpace(text))
}
