// Package schema describes the cluster file: as a JSON schema for editors, and key by key for people. What it knows is generated from the
// types of package config and the CRDs ("make generate").
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ocne-project/ocne/internal/spelling"
)

//go:embed cluster-file.schema.json
var text []byte

// JSON is the JSON schema (draft 2020-12) of the cluster file and the defaults file.
func JSON() []byte { return slices.Clone(text) }

// Node is the schema of one key.
type Node struct {
	Version     string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Type begins with what is meant; others are taken as well.
	Type    []string `json:"type,omitempty"`
	Default any      `json:"default,omitempty"`
	Enum    []any    `json:"enum,omitempty"`

	Pattern   string   `json:"pattern,omitempty"`
	MaxLength *int64   `json:"maxLength,omitempty"`
	Minimum   *float64 `json:"minimum,omitempty"`
	Maximum   *float64 `json:"maximum,omitempty"`
	MaxItems  *int64   `json:"maxItems,omitempty"`

	Properties map[string]*Node `json:"properties,omitempty"`
	// AdditionalProperties is false for mappings whose keys are all known.
	AdditionalProperties *bool `json:"additionalProperties,omitempty"`
	Items                *Node `json:"items,omitempty"`
}

// Key is a node with its place in the file; items of lists are marked with [].
type Key struct {
	Path string
	*Node
}

// UnknownKeyError is a key that there is not.
type UnknownKeyError struct {
	Key     string
	Nearest []string // at most three
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("there is no key %q in a cluster file; the nearest are %s", e.Key, strings.Join(e.Nearest, ", "))
}

// Find returns the keys that a name means: the one with this path, or all that end with it. Indices of lists may be left out, or be numbers.
func Find(name string) ([]Key, error) {
	root := &Node{}
	if err := json.Unmarshal(text, root); err != nil {
		return nil, fmt.Errorf("read the schema of the cluster file: %w", err)
	}
	if name == "" {
		return []Key{{"", root}}, nil
	}
	wanted, all := plain(name), walk("", root)
	var ends []Key
	for _, k := range all {
		switch path := plain(k.Path); {
		case path == wanted:
			return []Key{k}, nil
		case strings.HasSuffix(path, "."+wanted):
			ends = append(ends, k)
		}
	}
	if len(ends) == 0 {
		return nil, unknown(name, all)
	}
	return ends, nil
}

// unknown compares as many names at the end of a path as were given.
func unknown(name string, all []Key) error {
	candidates := map[string]string{} // what is compared, and the path
	for _, k := range all {
		names := strings.Split(k.Path, ".")
		compared := strings.Join(names[max(0, len(names)-strings.Count(name, ".")-1):], ".")
		if known, twice := candidates[compared]; !twice || len(k.Path) < len(known) {
			candidates[compared] = k.Path
		}
	}
	nearest := spelling.NearestFirst(name, slices.Collect(maps.Keys(candidates)))
	e := &UnknownKeyError{Key: name}
	for _, n := range nearest[:min(3, len(nearest))] {
		e.Nearest = append(e.Nearest, candidates[n])
	}
	return e
}

// plain is a path without its brackets.
func plain(path string) string { return regexp.MustCompile(`\[[0-9]*\]`).ReplaceAllString(path, "") }

// walk lists the keys below a node, in the order of their names.
func walk(path string, n *Node) []Key {
	var found []Key
	if n.Items != nil {
		path, n = path+"[]", n.Items
	}
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		child := strings.TrimPrefix(path+"."+name, ".")
		found = append(found, Key{child, n.Properties[name]})
		found = append(found, walk(child, n.Properties[name])...)
	}
	return found
}

// Children are the keys directly below this one.
func (k Key) Children() []Key {
	path, n := k.Path, k.Node
	if n.Items != nil {
		path, n = path+"[]", n.Items
	}
	var found []Key
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		found = append(found, Key{strings.TrimPrefix(path+"."+name, "."), n.Properties[name]})
	}
	return found
}

// Kind names what to write for the key.
func (n *Node) Kind() string {
	if len(n.Type) == 0 {
		return "anything"
	}
	switch n.Type[0] {
	case "array":
		return "list of " + n.Items.plural()
	case "object":
		return "mapping"
	case "boolean":
		return "true or false"
	case "integer":
		return "number"
	}
	return n.Type[0]
}

func (n *Node) plural() string {
	if n == nil || len(n.Type) == 0 {
		return "anything"
	}
	return map[string]string{"object": "mappings", "string": "strings", "integer": "numbers", "boolean": "true or false"}[n.Type[0]]
}
