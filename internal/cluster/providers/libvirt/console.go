package libvirt

import (
	"regexp"
	"strings"

	rpc "github.com/digitalocean/go-libvirt"
)

// How much of a console is shown.
const (
	consoleBytes = 8 << 10
	consoleLines = 15
)

// console is the end of what a virtual machine wrote to its serial console; nothing when there is none. It is read through libvirt, because its
// file is root's.
func (h *host) console(p rpc.StoragePool, domain string) []string {
	if err := h.StoragePoolRefresh(p, 0); err != nil {
		return nil
	}
	v, exists, err := h.findVolume(p, consoleName(domain))
	if err != nil || !exists {
		return nil
	}
	_, size, _, err := h.StorageVolGetInfo(v)
	if err != nil || size == 0 {
		return nil
	}
	text, err := h.readVolume(v, size-min(size, consoleBytes))
	if err != nil {
		return nil
	}
	return lastLines(string(text))
}

// lastLines are the last lines that hold something, without what steers a terminal and without bootstrap tokens.
func lastLines(text string) []string {
	text = regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`).ReplaceAllString(text, "(hidden)")
	text = regexp.MustCompile(`\x1b(\[[0-9;?=]*[A-Za-z]|[()][0-9A-Za-z]|[=>])`).ReplaceAllString(text, "")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' || r == 0x7f {
				return -1
			}
			return r
		}, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-consoleLines):]
}
