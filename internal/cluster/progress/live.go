package progress

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// redraw is the shortest time between two drawings of the status block.
const redraw = 200 * time.Millisecond

// Escape sequences of ECMA-48, which every terminal of the last decades knows.
const (
	lineUp     = "\x1b[A"
	clearBelow = "\r\x1b[J"
)

// Live keeps a block with the state of everything at the end of a terminal's output, below the lines of Step and Warn.
type Live struct {
	out   io.Writer
	size  func() (width, height int)
	now   func() time.Time
	begin time.Time

	block []string
	drawn time.Time
	lines int // lines of the block on the screen
}

// NewLive returns a Reporter for a terminal; size gives its present columns and rows.
func NewLive(out io.Writer, size func() (width, height int), now func() time.Time) *Live {
	return &Live{out: out, size: size, now: now, begin: now()}
}

// Step writes a line above the block.
func (l *Live) Step(text string) { l.above("* " + OneLine(text)) }

// Warn writes a line above the block that begins with "Warning:".
func (l *Live) Warn(text string) { l.above("! Warning: " + OneLine(text)) }

// Close removes the block.
func (l *Live) Close() {
	l.block = nil
	l.draw("")
}

// Show draws the block, unless the last drawing was a moment ago.
func (l *Live) Show(title string, items []Item) {
	l.block = []string{fmt.Sprintf("%s (%s)", OneLine(title), elapsed(l.now().Sub(l.begin)))}
	for _, item := range items {
		mark := "  . "
		if item.Done {
			mark = "  + "
		}
		l.block = append(l.block, mark+item.text())
	}
	if l.now().Sub(l.drawn) >= redraw {
		l.draw("")
	}
}

func (l *Live) above(line string) { l.draw(line + "\n") }

// draw replaces the block in one write, so that nothing flickers.
func (l *Live) draw(above string) {
	width, height := l.size()
	var b strings.Builder
	b.WriteString(strings.Repeat(lineUp, l.lines))
	if l.lines > 0 {
		b.WriteString(clearBelow)
	}
	b.WriteString(above)
	block := crop(l.block, height-1)
	for _, line := range block {
		b.WriteString(fit(line, width))
		b.WriteByte('\n')
	}
	l.lines, l.drawn = len(block), l.now()
	_, _ = io.WriteString(l.out, b.String())
}

// crop keeps the block on the screen: what has scrolled off the top cannot be drawn again.
func crop(block []string, height int) []string {
	if height < 2 || len(block) <= height {
		return block
	}
	kept := block[: height-1 : height-1]
	return append(kept, fmt.Sprintf("  ... and %d more", len(block)-len(kept)))
}

// fit shortens a line to one row: a wrapped line would be more rows than the block counts.
func fit(line string, width int) string {
	if width < 4 || utf8.RuneCountInString(line) < width {
		return line
	}
	return string([]rune(line)[:width-4]) + "..."
}
