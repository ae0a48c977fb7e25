package engine

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ocne-project/ocne/internal/spelling"
)

// MissingError is a name that the engine does not have, or does not show to this account.
type MissingError struct {
	What, Name string
	// Existing are the names that there are, in any order, and Listed how to show them where that is not the name itself.
	Existing []string
	Listed   map[string]string
}

// mostNames is how many names a message holds.
const mostNames = 10

func (e *MissingError) Error() string {
	text := fmt.Sprintf("the engine has, or shows, no %s %q", e.What, e.Name)
	nearest := spelling.NearestFirst(e.Name, e.Existing)
	if len(nearest) == 0 {
		return text + ", nor any other"
	}
	var list []string
	for _, name := range nearest[:min(mostNames, len(nearest))] {
		list = append(list, cmp.Or(e.Listed[name], name))
	}
	more := ""
	if n := len(nearest) - len(list); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s; there are %s%s", text, strings.Join(list, ", "), more)
}

// OtherEngineError is an engine that does not have the cluster in which it is said to have made a VM.
type OtherEngineError struct{ ClusterID string }

func (e *OtherEngineError) Error() string {
	return fmt.Sprintf("the engine has, or shows, no cluster with the id %s, which the VM was made in: it is another engine, or was set up anew", e.ClusterID)
}
