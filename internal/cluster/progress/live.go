package progress

import (
	"fmt"
	"io"
	"time"
)

// redraw is the shortest time between two drawings of the status block.
const redraw = 200 * time.Millisecond

// Live keeps a block with the state of everything at the end of a terminal's output, below the lines of Step and Warn.
type Live struct {
	screen *Block
	now    func() time.Time
	begin  time.Time

	block []string
	drawn time.Time
}

// NewLive returns a Reporter for a terminal; size gives its present columns and rows.
func NewLive(out io.Writer, size func() (width, height int), now func() time.Time) *Live {
	return &Live{screen: NewBlock(out, size), now: now, begin: now()}
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
		l.block = append(l.block, mark+item.Text())
	}
	if l.now().Sub(l.drawn) >= redraw {
		l.draw("")
	}
}

func (l *Live) above(line string) { l.draw(line + "\n") }

// draw replaces the block.
func (l *Live) draw(above string) {
	l.screen.Draw(above, l.block)
	l.drawn = l.now()
}
