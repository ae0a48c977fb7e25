package guest

import (
	"fmt"
	"io"
	"strings"
)

// console writes a VM's serial console, one line per message. Write errors are ignored: a machine does not notice
// whether somebody reads its console.
type console struct{ w io.Writer }

func (c console) printf(program, format string, args ...any) {
	if c.w == nil {
		return
	}
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	_, _ = fmt.Fprintf(c.w, "%s: %s\n", program, strings.ReplaceAll(text, "\n", "; "))
}
