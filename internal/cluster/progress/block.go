package progress

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Escape sequences of ECMA-48, which every terminal of the last decades knows.
const (
	lineUp     = "\x1b[A"
	clearBelow = "\r\x1b[J"
)

// Block is text at the end of a terminal's output that can be drawn again.
type Block struct {
	out   io.Writer
	size  func() (width, height int)
	lines int // on the screen
}

// NewBlock returns an empty one; size gives the terminal's present columns and rows.
func NewBlock(out io.Writer, size func() (width, height int)) *Block {
	return &Block{out: out, size: size}
}

// Draw replaces the block in one write, so that nothing flickers. What is to stand above it stays.
func (b *Block) Draw(above string, lines []string) {
	width, height := b.size()
	var text strings.Builder
	text.WriteString(strings.Repeat(lineUp, b.lines))
	if b.lines > 0 {
		text.WriteString(clearBelow)
	}
	text.WriteString(above)
	lines = crop(lines, height-1)
	for _, line := range lines {
		text.WriteString(fit(line, width))
		text.WriteByte('\n')
	}
	b.lines = len(lines)
	_, _ = io.WriteString(b.out, text.String())
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
