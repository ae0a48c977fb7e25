package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const (
	controlPlaneMachine = "providers.olvm.controlPlaneMachine."
	workerMachine       = "providers.olvm.workerMachine."
)

// key is one key of the configuration as the code knows it.
type key struct {
	path, kind, standard string
}

// keyGroup is one section of configuration.yaml, which holds what the code does not: what keys mean, and which belong together.
type keyGroup struct {
	Title string            `json:"title"`
	Text  string            `json:"text"`
	Keys  map[string]string `json:"keys"`
	// Machine marks the group of the keys below controlPlaneMachine, whose meaning is that of OLVMMachine's fields.
	Machine bool `json:"machine"`
}

type keyMeanings struct {
	Text   string            `json:"text"`
	Flags  map[string]string `json:"flags"`
	Groups []keyGroup        `json:"groups"`
	// Items are the meanings of keys in lists of mappings, which the page leaves to the list's own.
	Items map[string]string `json:"items"`
}

// configurationPage lists the keys that package config accepts. A key without a meaning is an error, and so is the reverse.
func configurationPage(root string) (string, error) {
	meanings, err := readMeanings(root)
	if err != nil {
		return "", err
	}
	keys, workers, err := configurationKeys()
	if err != nil {
		return "", err
	}
	p := newPage("Configuration", "internal/config and hack/generate/configuration.yaml")
	for text := range strings.SplitSeq(strings.TrimSpace(meanings.Text), "\n\n") {
		p.paragraph(text)
	}
	described := 0
	for _, group := range meanings.Groups {
		p.heading(group.Title)
		if group.Text != "" {
			p.paragraph(group.Text)
		}
		p.blank()
		for _, k := range keys {
			meaning, here := group.Keys[k.path]
			if !here {
				continue
			}
			described++
			if worker, other := workers[k.path]; other {
				k.standard += "`, for workers `" + worker
			}
			flag := meanings.Flags[k.path]
			k.path = strings.TrimPrefix(k.path, controlPlaneMachine)
			p.item(k.describe(meaning, flag))
		}
	}
	return p.String(), meanings.check(keys, described)
}

func (k key) describe(meaning, flag string) string {
	traits := k.kind
	if k.standard != "" {
		traits += ", default `" + k.standard + "`"
	}
	if flag != "" {
		traits += ", flag `" + flag + "`"
	}
	return fmt.Sprintf("`%s` (%s): %s", k.path, traits, sentence(meaning))
}

func (m keyMeanings) check(keys []key, described int) error {
	count := 0
	for _, group := range m.Groups {
		count += len(group.Keys)
	}
	var problems []error
	for _, k := range keys {
		found := 0
		for _, group := range m.Groups {
			if _, here := group.Keys[k.path]; here {
				found++
			}
		}
		if found != 1 {
			problems = append(problems, fmt.Errorf("configuration.yaml describes the key %s %d times", k.path, found))
		}
	}
	if described != count {
		problems = append(problems, fmt.Errorf("configuration.yaml describes %d keys, of which only %d exist", count, described))
	}
	return errors.Join(problems...)
}

// readMeanings completes the group of the machines with the descriptions of OLVMMachine's fields.
func readMeanings(root string) (keyMeanings, error) {
	var m keyMeanings
	content, err := os.ReadFile(filepath.Join(root, "hack", "generate", "configuration.yaml"))
	if err != nil {
		return m, err
	}
	if err := yaml.UnmarshalStrict(content, &m); err != nil {
		return m, err
	}
	crd, err := readCRD(root, "olvmmachines")
	if err != nil {
		return m, err
	}
	fields := map[string]string{}
	for _, name := range []string{
		"olvmOvirtClusterName", "vmTemplateName", "vmTemplateVersion", "vmTemplateID", "imageProfile", "olvmNetwork", "virtualMachine",
		"placement", "tags",
	} {
		leaves(controlPlaneMachine+name, schemaOf(crd).Properties["spec"].Properties[name], fields)
	}
	for i := range m.Groups {
		if m.Groups[i].Machine {
			maps.Copy(fields, m.Groups[i].Keys) // what is different in a file goes first
			m.Groups[i].Keys = fields
		}
	}
	return m, nil
}

func leaves(path string, schema apiextensionsv1.JSONSchemaProps, into map[string]string) {
	if len(schema.Properties) == 0 {
		into[path] = descriptionOf(path, schema)
	}
	for name, property := range schema.Properties {
		leaves(path+"."+name, property, into)
	}
}

// configurationKeys lists the keys with their built-in values, those of workerMachine only where they differ from controlPlaneMachine's.
// The type that holds them is private to package config; its shape and its values can be read all the same.
func configurationKeys() (keys []key, workers map[string]string, err error) {
	values, err := builtInValues()
	if err != nil {
		return nil, nil, err
	}
	all := walkKeys("", values)
	standards := map[string]string{}
	for _, k := range all {
		standards[k.path] = k.standard
	}
	workers = map[string]string{}
	for _, k := range all {
		name, ofWorker := strings.CutPrefix(k.path, workerMachine)
		if !ofWorker {
			keys = append(keys, k)
			continue
		}
		twin := controlPlaneMachine + name
		if standard, exists := standards[twin]; !exists {
			return nil, nil, fmt.Errorf("%s has no counterpart in controlPlaneMachine", k.path)
		} else if standard != k.standard {
			workers[twin] = k.standard
		}
	}
	return keys, workers, nil
}

func walkKeys(path string, v reflect.Value) []key {
	if v.Kind() == reflect.Pointer {
		v = reflect.New(v.Type().Elem()).Elem()
	}
	if kind := keyKind(v.Type()); kind != "" {
		return []key{{path: path, kind: kind, standard: standardOf(v)}}
	}
	var keys []key
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		keys = append(keys, walkKeys(strings.TrimPrefix(path+"."+name, "."), v.Field(i))...)
	}
	return keys
}

// keyKind names what to write for a key; it is empty for a mapping with keys of its own.
func keyKind(t reflect.Type) string {
	switch t.Name() {
	case "Path":
		return "file"
	case "fileDocument":
		return "file, or a mapping"
	case "inlineDocument":
		return "text, or a mapping"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list of " + cmp.Or(keyKind(t.Elem()), "object") + "s"
	case reflect.Interface:
		return "anything"
	case reflect.Struct:
		return ""
	}
	return "number"
}

func standardOf(v reflect.Value) string {
	if v.IsZero() {
		return ""
	}
	if v.Kind() == reflect.Slice {
		var items []string
		for i := range v.Len() {
			items = append(items, fmt.Sprint(v.Index(i)))
		}
		return strings.Join(items, ", ")
	}
	return fmt.Sprint(v)
}
