package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// SyntaxError lists every key that is unknown or does not hold the right kind of value, over all files.
type SyntaxError struct {
	Problems []FileProblem
}

// FileProblem is one place in a file.
type FileProblem struct {
	File    string
	Line    int
	Key     string // the whole path, such as providers.olvm.namespace
	Message string
}

func (p FileProblem) String() string {
	if p.Key == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Key, p.Message)
}

func (e *SyntaxError) Error() string { return list("the configuration cannot be read", e.Problems) }

// list prints one problem on one line and more on a line each.
func list[T fmt.Stringer](title string, problems []T) string {
	if len(problems) == 1 {
		return problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problems", title, len(problems))
	for _, p := range problems {
		fmt.Fprintf(&b, "\n  - %s", p)
	}
	return b.String()
}

// checker compares a file with the shape that it should have, and gives every value its final form: strings become strings (a
// version such as 1.30 is no number), comma-separated strings lists, and paths absolute.
type checker struct {
	file, dir, homeDir string
	problems           []FileProblem
}

func (c *checker) report(n *yaml.Node, key, format string, args ...any) *yaml.Node {
	c.problems = append(c.problems, FileProblem{File: c.file, Line: n.Line, Key: key, Message: fmt.Sprintf(format, args...)})
	return nil
}

// value checks n against t and returns its final form; nil when it is wrong, which has then been reported.
func (c *checker) value(n *yaml.Node, t reflect.Type, key string) *yaml.Node {
	switch t {
	case reflect.TypeFor[fileDocument]():
		return c.document(n, key, "path")
	case reflect.TypeFor[inlineDocument]():
		return c.document(n, key, "inline")
	case reflect.TypeFor[Path]():
		if n.Kind != yaml.ScalarNode {
			return c.report(n, key, "must be the name of a file")
		}
		return stringNode(c.absolute(n.Value))
	}
	switch t.Kind() {
	case reflect.Interface: // not used: only whether it is there, and a scalar's text, matter
		if n.Kind != yaml.ScalarNode {
			return mappingNode()
		}
		return stringNode(n.Value)
	case reflect.Pointer:
		return c.value(n, t.Elem(), key)
	case reflect.Struct:
		return c.mapping(n, t, key)
	case reflect.Slice:
		return c.list(n, t, key)
	case reflect.String:
		if n.Kind != yaml.ScalarNode {
			return c.report(n, key, "must be a string")
		}
		return stringNode(n.Value)
	case reflect.Bool:
		if n.Tag != "!!bool" {
			return c.report(n, key, "must be true or false, without quotes%s", got(n))
		}
		return n
	}
	if n.Tag != "!!int" || n.Decode(reflect.New(t).Interface()) != nil {
		return c.report(n, key, "must be a whole number, without quotes%s", got(n))
	}
	return n
}

func got(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	return fmt.Sprintf("; it is %q", n.Value)
}

func (c *checker) mapping(n *yaml.Node, t reflect.Type, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return c.report(n, key, "must be a mapping with the keys %s", strings.Join(keysOf(t), ", "))
	}
	checked := mappingNode()
	for k, v := range pairs(n) {
		path := join(key, k.Value)
		field, known := fieldOf(t, k.Value)
		if !known {
			c.report(k, path, "unknown key; %s", suggest(k.Value, t, key))
			continue
		}
		if v.Tag == "!!null" {
			continue
		}
		if final := c.value(v, field, path); final != nil {
			set(checked, k, final)
		}
	}
	return checked
}

// list accepts a list, and a string of items separated by commas.
func (c *checker) list(n *yaml.Node, t reflect.Type, key string) *yaml.Node {
	items := n.Content
	switch n.Kind {
	case yaml.SequenceNode:
	case yaml.ScalarNode:
		items = nil
		for item := range strings.SplitSeq(n.Value, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: item, Line: n.Line})
			}
		}
	default:
		return c.report(n, key, "must be a list, or a string of items separated by commas")
	}
	checked := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i, item := range items {
		if final := c.value(resolved(item), t.Elem(), fmt.Sprintf("%s[%d]", key, i)); final != nil {
			checked.Content = append(checked.Content, final)
		}
	}
	return checked
}

// document always sets both keys of a Document, so that a later layer replaces an earlier one as a whole.
func (c *checker) document(n *yaml.Node, key, scalar string) *yaml.Node {
	values := map[string]string{"path": "", "inline": ""}
	switch {
	case n.Kind == yaml.MappingNode:
		text, err := plainYAML(n)
		if err != nil {
			return c.report(n, key, "cannot be read: %v", err)
		}
		values["inline"] = text
	case n.Kind != yaml.ScalarNode:
		return c.report(n, key, "must be a string or a mapping")
	case scalar == "path" && !strings.ContainsAny(n.Value, "\n{"):
		values["path"] = c.absolute(n.Value)
	default:
		values["inline"] = n.Value
	}
	final := mappingNode()
	for k, v := range values {
		set(final, stringNode(k), stringNode(v))
	}
	return final
}

// plainYAML writes n without anchors and aliases, which may lead out of it.
func plainYAML(n *yaml.Node) (string, error) {
	var v any
	if err := n.Decode(&v); err != nil {
		return "", err
	}
	text, err := yaml.Marshal(v)
	return string(text), err
}

func (c *checker) absolute(name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		return filepath.Join(c.homeDir, rest)
	}
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}
