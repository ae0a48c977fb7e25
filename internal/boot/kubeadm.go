package boot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// registerNode sets the kubelet's provider ID and node IP in kubeadm's configuration. It is done there because the file belongs to
// kubeadm's API, while the names of units and drop-ins belong to images.
//
// The provider ID is the machine's whatever the user wrote; a node IP of the user's stays. Documents other than InitConfiguration
// and JoinConfiguration stay byte for byte.
func registerNode(text, providerID, nodeIP string) (string, error) {
	var out strings.Builder
	found := false
	for _, part := range splitDocuments(text) {
		edited, ok, err := registerInDocument(part, providerID, nodeIP)
		if err != nil {
			return "", err
		}
		found = found || ok
		out.WriteString(edited)
	}
	if !found {
		return "", errors.New("it has neither an InitConfiguration nor a JoinConfiguration to put the provider ID in")
	}
	return out.String(), nil
}

// splitDocuments cuts a YAML stream before and after each separator line; the parts put together are the text again.
func splitDocuments(text string) []string {
	parts := []string{""}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "---") {
			parts = append(parts, line, "")
			continue
		}
		parts[len(parts)-1] += line
	}
	return parts
}

func registerInDocument(text, providerID, nodeIP string) (edited string, ok bool, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", false, errors.New(withoutContents(err.Error()))
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return text, false, nil
	}
	root := doc.Content[0]
	if kind := scalar(root, "kind"); kind != "InitConfiguration" && kind != "JoinConfiguration" {
		return text, false, nil
	}
	registration, err := child(root, "nodeRegistration", yaml.MappingNode)
	if err != nil {
		return "", false, err
	}
	args, err := child(registration, "kubeletExtraArgs", argsKind(scalar(root, "apiVersion")))
	if err != nil {
		return "", false, err
	}
	setArg(args, "provider-id", providerID, true)
	setArg(args, "node-ip", nodeIP, false)

	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := errors.Join(encoder.Encode(&doc), encoder.Close()); err != nil {
		return "", false, fmt.Errorf("write YAML: %w", err)
	}
	return out.String(), true, nil
}

// argsKind is the form of kubeletExtraArgs: a map up to kubeadm.k8s.io/v1beta3, a list of names and values since v1beta4.
func argsKind(apiVersion string) yaml.Kind {
	if slices.Contains([]string{"v1beta1", "v1beta2", "v1beta3"}, strings.TrimPrefix(apiVersion, "kubeadm.k8s.io/")) {
		return yaml.MappingNode
	}
	return yaml.SequenceNode
}

// setArg sets a kubelet argument; one that is there stays unless it is replaced.
func setArg(args *yaml.Node, name, value string, replace bool) {
	present := func(arg *yaml.Node) bool { return scalar(arg, "name") == name }
	isMap := args.Kind == yaml.MappingNode
	exists := lookup(args, name) != nil || (!isMap && slices.ContainsFunc(args.Content, present))
	if exists && !replace {
		return
	}
	if isMap {
		put(args, name, stringNode(value))
		return
	}
	// The kubelet takes the last of several; one is clearer.
	args.Content = append(slices.DeleteFunc(args.Content, present), &yaml.Node{
		Kind: yaml.MappingNode, Content: []*yaml.Node{stringNode("name"), stringNode(name), stringNode("value"), stringNode(value)},
	})
}

// child is the value of a key; it is made where it is absent or null.
func child(mapping *yaml.Node, key string, kind yaml.Kind) (*yaml.Node, error) {
	v := lookup(mapping, key)
	if v == nil || v.Tag == "!!null" {
		v = &yaml.Node{Kind: kind}
		put(mapping, key, v)
	}
	if v.Kind != kind {
		return nil, fmt.Errorf("%s is not in the form of the document's apiVersion", key)
	}
	v.Style &^= yaml.FlowStyle // an empty {} or [] is about to be filled
	return v, nil
}

func lookup(mapping *yaml.Node, key string) *yaml.Node {
	if mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func put(mapping *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			mapping.Content[i+1] = value
			return
		}
	}
	mapping.Content = append(mapping.Content, stringNode(key), value)
}

func scalar(mapping *yaml.Node, key string) string {
	if v := lookup(mapping, key); v != nil {
		return v.Value
	}
	return ""
}

func stringNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}
