package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ocne-project/ocne/pkg/olvmsim"
)

// simulatorPage is docs/reference/simulator.md, which is written by hand but for what stands between its markers.
func simulatorPage(root string) (string, error) {
	content, err := os.ReadFile(filepath.Join(root, "docs", "reference", "simulator.md"))
	if err != nil {
		return "", fmt.Errorf("read the simulator's page: %w", err)
	}
	text := string(content)
	for name, section := range map[string]string{"endpoints": endpoints(), "faults": faults()} {
		begin, end := "<!-- begin "+name+", from the code -->\n", "<!-- end "+name+" -->"
		before, rest, found := strings.Cut(text, begin)
		_, after, closed := strings.Cut(rest, end)
		if !found || !closed {
			return "", fmt.Errorf("the simulator's page lacks the markers of %s", name)
		}
		text = before + begin + section + end + after
	}
	return text, nil
}

// endpoints are the routes of the API, the methods of one path on one line.
func endpoints() string {
	var out strings.Builder
	out.WriteString("| path below /ovirt-engine/api | methods |\n|---|---|\n")
	path, methods := "", []string(nil)
	flush := func() {
		if methods != nil {
			_, _ = fmt.Fprintf(&out, "| `/%s` | %s |\n", path, strings.Join(methods, " "))
		}
	}
	for _, e := range olvmsim.Routes() {
		if e.Pattern != path || methods == nil {
			flush()
			path, methods = e.Pattern, nil
		}
		methods = append(methods, e.Method)
	}
	flush()
	return out.String()
}

func faults() string {
	var out strings.Builder
	out.WriteString("| kind | what happens |\n|---|---|\n")
	for _, k := range olvmsim.Kinds() {
		_, _ = fmt.Fprintf(&out, "| `%s` | %s |\n", k.Kind, strings.ReplaceAll(k.Help, "|", "\\|"))
	}
	return out.String()
}
