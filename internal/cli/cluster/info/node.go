package info

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ocne-project/ocne/internal/cluster/progress"
)

// The lines of a tree.
const (
	branch  = "├─ "
	last    = "└─ "
	through = "│  "
	blank   = "   "
)

// node is one thing of a cluster with what belongs to it.
type node struct {
	// name is unique in a tree; changes are told by it.
	name string
	// text is the first line.
	text string
	// born is when it was made, to be shown as an age at the end of the first line; zero shows none.
	born time.Time
	// notes stand below the text.
	notes    []note
	children []*node
}

// note is wrapped to the width of the text, with a mark before its first line. A command is not wrapped, so that it can be copied.
type note struct {
	mark, text string
	command    bool
}

// lines are the tree from this node downwards, no wider than width but for words and commands that are.
func (n *node) lines(width int, now time.Time) []string {
	return n.below(nil, "", "", width, now)
}

func (n *node) below(lines []string, first, rest string, width int, now time.Time) []string {
	text := n.text
	if !n.born.IsZero() {
		text += "   age " + duration.HumanDuration(now.Sub(n.born))
	}
	inner := rest
	if len(n.children) > 0 {
		inner += through
	} else {
		inner += blank
	}
	for i, line := range wrap(text, width-max(utf8.RuneCountInString(first), utf8.RuneCountInString(inner))) {
		if i == 0 {
			lines = append(lines, first+line)
		} else {
			lines = append(lines, inner+line)
		}
	}
	for _, note := range n.notes {
		for _, line := range note.lines(width - utf8.RuneCountInString(inner)) {
			lines = append(lines, strings.TrimRight(inner+line, " "))
		}
	}
	for i, child := range n.children {
		if i == len(n.children)-1 {
			lines = child.below(lines, rest+last, rest+blank, width, now)
		} else {
			lines = child.below(lines, rest+branch, rest+through, width, now)
		}
	}
	return lines
}

func (n note) lines(width int) []string {
	if n.command {
		return []string{strings.Repeat(" ", len(n.mark)) + printable(n.text)}
	}
	lines := wrap(n.text, width-utf8.RuneCountInString(n.mark))
	for i := range lines {
		if i == 0 {
			lines[i] = n.mark + lines[i]
		} else {
			lines[i] = strings.Repeat(" ", utf8.RuneCountInString(n.mark)) + lines[i]
		}
	}
	return lines
}

// states are the nodes by name, each on one line without its age: what a change is compared by.
func (n *node) states(f func(name, state string)) {
	parts := []string{n.text}
	for _, note := range n.notes {
		parts = append(parts, note.mark+note.text)
	}
	f(n.name, progress.OneLine(strings.Join(parts, "; ")))
	for _, child := range n.children {
		child.states(f)
	}
}

// wrap breaks a text between words, and keeps its own lines and the gaps between its columns; nothing is cut.
func wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		line = printable(strings.TrimRight(line, " "))
		for utf8.RuneCountInString(line) > width {
			at := breakAt(line, width)
			if at < 0 {
				break
			}
			lines = append(lines, strings.TrimRight(line[:at], " "))
			line = strings.TrimLeft(line[at:], " ")
		}
		lines = append(lines, line)
	}
	return lines
}

// breakAt is the last gap that leaves at most width columns before it, else the first one; below 0 there is none.
func breakAt(line string, width int) int {
	at, column := -1, 0
	for i, r := range line {
		if r == ' ' && strings.TrimLeft(line[:i], " ") != "" {
			if at >= 0 && column > width {
				return at
			}
			at = i
			if column > width {
				return at
			}
		}
		column++
	}
	return at
}

// printable drops what could move a terminal's cursor: messages hold words from elsewhere.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, line)
}
