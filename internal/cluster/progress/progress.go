// Package progress says what a long command waits for: live on a terminal, as plain lines anywhere else.
package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Item is the state of one thing that is waited for.
type Item struct {
	// Name identifies the thing, such as "machine demo-md-0-x7k2p".
	Name string
	// State in a few words.
	State string
	// Detail is a reason and somebody's own words about it; it may change often.
	Detail string
	// Done says that nothing more is expected of it.
	Done bool
}

// Text is the item on one line, without anything that could move a terminal's cursor: details hold words from elsewhere.
func (i Item) Text() string {
	text := i.Name + ": " + i.State
	if i.Detail != "" {
		text += " - " + i.Detail
	}
	return OneLine(text)
}

// OneLine joins the lines of a text and drops control characters.
func OneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// Reporter shows progress. It is not safe for concurrent use.
type Reporter interface {
	// Step says that something begins or was done.
	Step(text string)
	// Warn says that something deserves attention, though the command goes on.
	Warn(text string)
	// Show gives the present state of everything that is waited for; it is called again and again.
	Show(title string, items []Item)
	// Close removes what is not meant to stay.
	Close()
}

// Quiet is a Reporter that shows nothing but warnings.
type Quiet struct{ Reporter }

// Step shows nothing.
func (Quiet) Step(string) {}

// Show shows nothing.
func (Quiet) Show(string, []Item) {}

func elapsed(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	if d < time.Hour {
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
