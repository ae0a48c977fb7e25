package scripts

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"
)

// setKey changes one key of demo.yaml, or removes it. Variables in the value are replaced, so that it may stand in quotes.
func setKey(ts *testscript.TestScript, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: yamlset KEY [VALUE]")
	}
	name := ts.MkAbs("demo.yaml")
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(ts.ReadFile("demo.yaml")), &document); err != nil {
		return err
	}
	parent, key := document.Content[0], args[0]
	for head, rest, more := strings.Cut(key, "."); more; head, rest, more = strings.Cut(rest, ".") {
		i := find(parent, head)
		if i < 0 {
			return fmt.Errorf("demo.yaml has no key %s", head)
		}
		parent, key = parent.Content[i+1], rest
	}
	i := find(parent, key)
	switch {
	case len(args) == 1 && i < 0:
		return fmt.Errorf("demo.yaml has no key %s", args[0])
	case len(args) == 1:
		parent.Content = append(parent.Content[:i], parent.Content[i+2:]...)
	default:
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(os.Expand(args[1], ts.Getenv)), &value); err != nil {
			return err
		}
		if i < 0 {
			parent.Content = append(parent.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, nil)
			i = len(parent.Content) - 2
		}
		parent.Content[i+1] = value.Content[0]
	}
	content, err := yaml.Marshal(&document)
	if err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o600)
}

// find returns the place of a key in a mapping, or -1.
func find(mapping *yaml.Node, key string) int {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return i
		}
	}
	return -1
}
