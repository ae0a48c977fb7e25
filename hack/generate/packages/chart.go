package packages

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// kubeVersions are the management clusters that Cluster API 1.14 supports.
const kubeVersions = ">= 1.33.0-0"

// chart is the Helm chart: the same objects as clusterctl's, with a value wherever the existing chart had one.
func chart(objects []*unstructured.Unstructured, crds map[string][]byte, version string) (map[string][]byte, error) {
	about, err := yaml.Marshal(map[string]any{
		"apiVersion": "v2", "name": name, "type": "application",
		"version": strings.TrimPrefix(version, "v"), "appVersion": version, "kubeVersion": kubeVersions,
		"description": "The Cluster API infrastructure provider for Oracle Linux Virtualization Manager",
		"sources":     []string{"https://github.com/ocne-project/ocne"},
	})
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{ChartDir + "/Chart.yaml": about}
	for file, crd := range crds {
		if files[ChartDir+"/templates/crd-"+file], err = crdTemplate(crd); err != nil {
			return nil, fmt.Errorf("chart's CRD %s: %w", file, err)
		}
	}
	settings := settings()
	for _, object := range objects {
		object = object.DeepCopy()
		lift(object, settings)
		content, err := objectTemplate(object, settings)
		if err != nil {
			return nil, err
		}
		file := strings.ToLower(object.GetKind()) + "-" + strings.TrimPrefix(object.GetName(), name+"-") + ".yaml"
		files[ChartDir+"/templates/"+file] = content
	}
	if files[ChartDir+"/values.yaml"], err = valuesFile(settings); err != nil {
		return nil, err
	}
	return files, nil
}

// crdTemplate makes Helm install and upgrade a CRD, which it does not with those in a chart's crds folder, and keep it when the chart is
// uninstalled: with a CRD go all objects of its kind.
func crdTemplate(crd []byte) ([]byte, error) {
	if bytes.Contains(crd, []byte("{{")) {
		return nil, fmt.Errorf("it holds {{, which Helm would take for its own")
	}
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(crd, &object.Object); err != nil {
		return nil, err
	}
	annotations := object.GetAnnotations()
	annotations["helm.sh/resource-policy"] = "keep"
	object.SetAnnotations(annotations)
	content, err := yaml.Marshal(object.Object)
	if err != nil {
		return nil, err
	}
	return []byte("{{- if .Values.crds.install }}\n" + string(content) + "{{- end }}\n"), nil
}

// placeholder stands for a setting in an object until that is written.
func placeholder(index int) string { return "setting-" + strconv.Itoa(index) + "-of-values" }

// lift moves the defaults of settings out of an object.
func lift(object *unstructured.Unstructured, settings []*setting) {
	for i, s := range settings {
		if s.kind != object.GetKind() || s.kind == "" {
			continue
		}
		if value, found := replace(object.Object, s.path, placeholder(i)); found && s.value == nil {
			s.value = value
		}
	}
}

// replace puts something else at a path, whose numbers are positions in lists, and returns what was there. What is not there yet is added
// to its map.
func replace(node any, path []string, by any) (old any, found bool) {
	switch in := node.(type) {
	case map[string]any:
		if len(path) == 1 {
			old = in[path[0]]
			in[path[0]] = by
			return old, true
		}
		return replace(in[path[0]], path[1:], by)
	case []any:
		position, err := strconv.Atoi(path[0])
		if err != nil || position >= len(in) {
			return nil, false
		}
		return replace(in[position], path[1:], by)
	}
	return nil, false
}

// objectTemplate writes an object with template actions in the place of names, labels and settings.
func objectTemplate(object *unstructured.Unstructured, settings []*setting) ([]byte, error) {
	withLabels(object.Object)
	content, err := yaml.Marshal(object.Object)
	if err != nil {
		return nil, fmt.Errorf("write %s %s for the chart: %w", object.GetKind(), object.GetName(), err)
	}
	line := regexp.MustCompile(`^( *(?:- )?)([\w./-]+): (?:setting-(\d+)-of-values|(labels|selector)-of-chart)$`)
	var out strings.Builder
	for text := range strings.Lines(string(content)) {
		text = strings.TrimSuffix(text, "\n")
		match := line.FindStringSubmatch(text)
		switch {
		case match == nil:
			text = strings.ReplaceAll(text, Namespace, "{{ .Release.Namespace }}")
			text = strings.ReplaceAll(text, name+"-", `{{ include "olvm-capi.fullname" . }}-`)
		case match[4] != "":
			text = fmt.Sprintf("%s%s:\n%s  {{- include \"olvm-capi.%s\" . | nindent %d }}",
				match[1], match[2], match[1], match[4], len(match[1])+2)
		default:
			index, err := strconv.Atoi(match[3])
			if err != nil {
				return nil, err
			}
			text = settings[index].render(match[1], match[2])
		}
		out.WriteString(text + "\n")
	}
	return []byte(out.String()), nil
}

// withLabels puts placeholders for the chart's labels where the objects have their own.
func withLabels(node map[string]any) {
	for key, value := range node {
		child, ok := value.(map[string]any)
		switch {
		case !ok:
		case key == "labels":
			node[key] = "labels-of-chart"
		case key == "matchLabels", key == "selector" && child["matchLabels"] == nil:
			node[key] = "selector-of-chart"
		default:
			withLabels(child)
		}
	}
}
