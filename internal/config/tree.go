package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile reads one layer and checks its shape. An empty file is an empty layer.
func readFile(name, homeDir string) (*yaml.Node, []FileProblem, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration %s: %w", name, err)
	}
	return parse(f, &checker{file: name, dir: dir, homeDir: homeDir})
}

func parse(r io.Reader, c *checker) (*yaml.Node, []FileProblem, error) {
	decoder := yaml.NewDecoder(r)
	var document, next yaml.Node
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("%s is not YAML: %s", c.file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decoder.Decode(&next); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s holds more than one YAML document; the configuration is one", c.file)
	}
	// Decoding into nothing in particular finds repeated keys and anchors that contain themselves.
	var anything any
	if err := document.Decode(&anything); err != nil {
		lines := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "yaml: "), "unmarshal errors:"))
		return nil, nil, fmt.Errorf("%s is not valid YAML: %s", c.file, lines)
	}
	root := document.Content[0]
	if anything == nil {
		return nil, nil, nil
	}
	if d := lookup(root, "directory"); d != nil && d.Kind == yaml.ScalarNode {
		c.dir = c.absolute(d.Value)
	}
	tree := c.value(root, reflect.TypeFor[keys](), "")
	return tree, c.problems, nil
}

// merge lays upper over lower: mappings key by key, everything else replaced.
func merge(lower, upper *yaml.Node) *yaml.Node {
	switch {
	case upper == nil:
		return lower
	case lower == nil || lower.Kind != yaml.MappingNode || upper.Kind != yaml.MappingNode:
		return upper
	}
	merged := mappingNode()
	for key, value := range pairs(lower) {
		set(merged, key, value)
	}
	for key, value := range pairs(upper) {
		set(merged, key, merge(child(merged, key.Value), value))
	}
	return merged
}

func mappingNode() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func stringNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// pairs yields a mapping's keys and values, with aliases and merge keys (<<) resolved. What a merge key brings comes first, so
// that the mapping's own keys win.
func pairs(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		own := mappingNode()
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Tag == "!!merge" {
				inherit(own, n.Content[i+1])
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Tag != "!!merge" {
				set(own, n.Content[i], resolved(n.Content[i+1]))
			}
		}
		for i := 0; i < len(own.Content); i += 2 {
			if !yield(own.Content[i], own.Content[i+1]) {
				return
			}
		}
	}
}

// inherit sets what a merge key brings: a mapping, or a list of mappings of which an earlier one wins.
func inherit(into, from *yaml.Node) {
	from = resolved(from)
	if from.Kind == yaml.SequenceNode {
		for i := len(from.Content) - 1; i >= 0; i-- {
			inherit(into, from.Content[i])
		}
		return
	}
	for key, value := range pairs(from) {
		set(into, key, value)
	}
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func set(mapping, key, value *yaml.Node) {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key.Value {
			mapping.Content[i], mapping.Content[i+1] = key, value
			return
		}
	}
	mapping.Content = append(mapping.Content, key, value)
}

func child(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for k, value := range pairs(mapping) {
		if k.Value == key {
			return value
		}
	}
	return nil
}

// lookup finds the value at a key path such as providers.olvm.namespace; nil when it is not there.
func lookup(n *yaml.Node, keyPath string) *yaml.Node {
	for key := range strings.SplitSeq(keyPath, ".") {
		if n = child(n, key); n == nil {
			return nil
		}
	}
	return n
}
