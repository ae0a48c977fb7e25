package info

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ocne-project/ocne/internal/cli"
	"github.com/ocne-project/ocne/internal/cli/output"
	"github.com/ocne-project/ocne/internal/cluster"
	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// watcher shows a cluster that changes.
type watcher struct {
	env   *cli.Environment
	wide  bool
	begin time.Time

	screen *progress.Block // nil without a terminal
	drawn  []string        // the tree that was drawn last
	// names in their order, and states by name, that were written last; nil before the first.
	names  []string
	states map[string]string
	failed string // why nothing was read, as written last
	err    error  // of writing
}

func (o *Options) watcher() *watcher {
	w := &watcher{env: o.Environment, wide: o.Output == output.Wide, begin: o.Environment.Now()}
	if s := o.Environment.Streams; s.OutIsTerminal {
		w.screen = progress.NewBlock(s.Out, s.Size)
	}
	return w
}

// look shows what was read, or why nothing was.
func (w *watcher) look(d *cluster.Details, err error) {
	if err != nil {
		w.unread(err)
		return
	}
	w.failed = ""
	root, now := newTree(d, w.wide), w.env.Now()
	if w.screen != nil {
		w.drawn = root.lines(columns(w.env), now)
		w.screen.Draw("", w.drawn)
		return
	}
	if w.states == nil {
		w.write(strings.Join(root.lines(columns(w.env), now), "\n"))
	}
	w.changes(root)
}

func (w *watcher) unread(err error) {
	text := progress.OneLine(err.Error())
	if w.screen != nil {
		w.screen.Draw("", append([]string{"Not up to date: " + text}, w.drawn...))
		return
	}
	if text != w.failed {
		w.failed = text
		w.line("not up to date: " + text)
	}
}

// changes writes a line for whatever is not as it was written last.
func (w *watcher) changes(root *node) {
	states, names := map[string]string{}, []string{}
	root.states(func(name, state string) {
		states[name], names = state, append(names, name)
		if before, known := w.states[name]; w.states != nil && (!known || before != state) {
			w.line(name + ": " + state)
		}
	})
	for _, name := range w.names {
		if _, there := states[name]; !there {
			w.line(name + ": gone")
		}
	}
	w.names, w.states = names, states
}

func (w *watcher) line(text string) {
	w.write(fmt.Sprintf("[%6s] %s", w.env.Now().Sub(w.begin).Truncate(time.Second), text))
}

func (w *watcher) write(text string) {
	_, err := io.WriteString(w.env.Streams.Out, text+"\n")
	w.err = errors.Join(w.err, err)
}

// end says that the cluster is gone, when that is why the watching ended.
func (w *watcher) end(err error) error {
	if err != nil {
		return errors.Join(err, w.err)
	}
	const gone = "the cluster is gone"
	if w.screen != nil {
		w.screen.Draw("", []string{gone})
		return nil
	}
	w.line(gone)
	return w.err
}
