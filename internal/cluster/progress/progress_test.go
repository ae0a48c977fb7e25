package progress_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// clock is a time that only the test moves.
type clock struct{ at time.Time }

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time           { return c.at }
func (c *clock) advance(by time.Duration) { c.at = c.at.Add(by) }

func machine(state, detail string) progress.Item {
	return progress.Item{Name: "machine demo-1", State: state, Detail: detail}
}

func TestPlainWritesALineWhenSomethingChanges(t *testing.T) {
	type moment struct {
		after time.Duration // since the last moment
		items []progress.Item
		lines string
	}
	for name, moments := range map[string][]moment{
		"a new state is told at once, and only once": {
			{0, []progress.Item{machine("pending", "")}, "[    0s] machine demo-1: pending\n"},
			{time.Second, []progress.Item{machine("pending", "")}, ""},
			{time.Second, []progress.Item{machine("running", "")}, "[    2s] machine demo-1: running\n"},
		},
		"a detail is told when it has lasted, because most are passing": {
			{0, []progress.Item{machine("pending", "Creating: locked")}, "[    0s] machine demo-1: pending\n"},
			{2 * time.Second, []progress.Item{machine("pending", "Creating: locked")}, ""},
			{time.Second, []progress.Item{machine("pending", "Creating: locked")}, "[    3s] machine demo-1: pending - Creating: locked\n"},
			{time.Minute, []progress.Item{machine("pending", "Creating: locked")}, ""},
		},
		"a detail that keeps changing stays untold": {
			{0, []progress.Item{machine("pending", "step 1")}, "[    0s] machine demo-1: pending\n"},
			{2 * time.Second, []progress.Item{machine("pending", "step 2")}, ""},
			{2 * time.Second, []progress.Item{machine("pending", "step 3")}, ""},
		},
		"a detail that has gone gets no line, and one that comes back does": {
			{0, []progress.Item{machine("pending", "no quota")}, "[    0s] machine demo-1: pending\n"},
			{3 * time.Second, []progress.Item{machine("pending", "no quota")}, "[    3s] machine demo-1: pending - no quota\n"},
			{3 * time.Second, []progress.Item{machine("pending", "")}, ""},
			{3 * time.Second, []progress.Item{machine("pending", "")}, ""},
			{3 * time.Second, []progress.Item{machine("pending", "no quota")}, ""},
			{3 * time.Second, []progress.Item{machine("pending", "no quota")}, "[   15s] machine demo-1: pending - no quota\n"},
		},
		"what is not there any more is gone": {
			{0, []progress.Item{machine("deleting", "")}, "[    0s] machine demo-1: deleting\n"},
			{90 * time.Second, nil, "[ 1m30s] machine demo-1: gone\n"},
			{time.Second, nil, ""},
		},
		"words from elsewhere cannot move the cursor or begin a line": {
			{0, []progress.Item{machine("pending\n\x1b[2Jx", "")}, "[    0s] machine demo-1: pending [2Jx\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock, out := newClock(), &bytes.Buffer{}
			report := progress.NewPlain(out, clock.now)
			for _, m := range moments {
				clock.advance(m.after)
				out.Reset()
				report.Show("Cluster demo", m.items)
				require.Equal(t, m.lines, out.String())
			}
		})
	}
}

func TestPlainStepsAndWarnings(t *testing.T) {
	clock, out := newClock(), &bytes.Buffer{}
	report := progress.NewPlain(out, clock.now)
	report.Step("Applied the objects")
	clock.advance(2*time.Hour + 3*time.Minute)
	report.Warn("no effect")
	report.Close()
	require.Equal(t, "[    0s] Applied the objects\n[ 2h03m] Warning: no effect\n", out.String())
}

func TestQuietShowsWarningsOnly(t *testing.T) {
	out := &bytes.Buffer{}
	report := progress.Quiet{Reporter: progress.NewPlain(out, newClock().now)}
	report.Step("step")
	report.Show("title", []progress.Item{machine("pending", "")})
	report.Warn("look")
	report.Close()
	require.Equal(t, "[    0s] Warning: look\n", out.String())
}

func TestLiveRedrawsItsBlockInPlace(t *testing.T) {
	clock, out := newClock(), &bytes.Buffer{}
	screen := func() string {
		s := strings.NewReplacer("\x1b[A", "<up>", "\r\x1b[J", "<clear>").Replace(out.String())
		out.Reset()
		return s
	}
	report := progress.NewLive(out, func() (int, int) { return 30, 24 }, clock.now)

	report.Show("Cluster demo", []progress.Item{machine("pending", "")})
	require.Equal(t, "Cluster demo (0s)\n  . machine demo-1: pending\n", screen())

	clock.advance(100 * time.Millisecond)
	report.Show("Cluster demo", []progress.Item{machine("running", "")})
	require.Empty(t, screen(), "the next drawing comes at least 200 ms after the last")

	clock.advance(time.Second)
	report.Show("Cluster demo", []progress.Item{{Name: "machine demo-1", State: "running", Done: true}})
	require.Equal(t, "<up><up><clear>Cluster demo (1s)\n  + machine demo-1: running\n", screen())

	report.Step("Wrote the kubeconfig")
	require.Equal(t, "<up><up><clear>* Wrote the kubeconfig\nCluster demo (1s)\n  + machine demo-1: running\n", screen(),
		"a step stays above the block")

	clock.advance(time.Second)
	report.Show("Cluster demo", []progress.Item{machine("a state that is longer than a row of the terminal", "")})
	require.Equal(t, "<up><up><clear>Cluster demo (2s)\n  . machine demo-1: a stat...\n", screen(), "no line may wrap")

	report.Close()
	require.Equal(t, "<up><up><clear>", screen())
	report.Close()
	require.Empty(t, screen())
}

func TestLiveKeepsItsBlockOnTheScreen(t *testing.T) {
	clock, out := newClock(), &bytes.Buffer{}
	report := progress.NewLive(out, func() (int, int) { return 80, 5 }, clock.now)
	var items []progress.Item
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		items = append(items, progress.Item{Name: name, State: "new"})
	}
	report.Show("Cluster demo", items)
	require.Equal(t, "Cluster demo (0s)\n  . a: new\n  . b: new\n  ... and 3 more\n", out.String())
}
