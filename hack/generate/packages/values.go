package packages

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// setting is one value of the chart. All of the existing chart are among them; those without an effect say why.
type setting struct {
	// name is its path in values.yaml.
	name    string
	comment string
	// kind and path are where it goes in the objects, and where its default is taken from.
	kind string
	path []string
	// value is the default, where it is not taken from an object.
	value any
	// text replaces the field; empty for the value itself. Its lines are indented as the field is.
	text string
}

func settings() []*setting {
	container := func(path ...string) []string {
		return append([]string{"spec", "template", "spec", "containers", "0"}, path...)
	}
	pod := func(path ...string) []string { return append([]string{"spec", "template", "spec"}, path...) }
	const deployment, serviceKind = "Deployment", "Service"
	return []*setting{
		{name: "nameOverride", comment: "Value of the label app.kubernetes.io/name; the chart's name when empty.", value: ""},
		{name: "fullnameOverride", comment: "What the name of every object begins with.", value: name},
		{name: "logLevel", comment: "Verbosity of the log: error, warn, info, debug, trace, or a number from 0 to 10.", value: "info"},
		{name: "metricsPort", comment: "Port of the metrics in the pod.", kind: deployment, path: container("ports", "1", "containerPort")},
		{name: "webhooksEnabled", comment: "Without effect: the provider has no webhooks, its CRDs hold all rules.", value: false},
		{name: "kubernetesClusterDomain", comment: "DNS domain of the cluster; it is not asked of a proxy.", value: "cluster.local"},
		{name: "crds.install", comment: "Install and upgrade the CRDs with the chart. They stay when the chart is uninstalled.", value: true},
		{
			name: "controllerManager.container.args", value: []any{},
			comment: "Further arguments of the manager. Those with a single dash, of the provider of chart 1.0.0, are left out.",
			kind:    deployment, path: container("args"), text: argsText(),
		},
		{name: "controllerManager.container.image.repository", comment: "Where the image was pushed to.", value: imageRepository},
		{
			name: "controllerManager.container.image.tag", comment: "Tag of the image; the chart's appVersion when empty.", value: "",
			kind: deployment, path: container("image"),
			text: `image: {{ .Values.controllerManager.container.image.repository }}:` +
				`{{ .Values.controllerManager.container.image.tag | default .Chart.AppVersion }}`,
		},
		{name: "controllerManager.container.imagePullPolicy", kind: deployment, path: container("imagePullPolicy")},
		{
			name: "controllerManager.container.containerSecurityContext", kind: deployment, path: container("securityContext"),
			comment: "The manager writes to /tmp alone, which is a volume.",
		},
		{name: "controllerManager.container.resources", kind: deployment, path: container("resources")},
		{name: "controllerManager.concurrency", comment: "Objects of a kind that are reconciled at once.", value: 20},
		{
			name: "controllerManager.watchFilter", value: "",
			comment: "Watch only objects with this value of the label cluster.x-k8s.io/watch-filter; all when empty.",
		},
		{name: "controllerManager.replicas", comment: "One works; the others wait for its Lease.", kind: deployment, path: []string{"spec", "replicas"}},
		{name: "controllerManager.serviceAccount.annotations", value: map[string]any{}, kind: "ServiceAccount", path: []string{"metadata", "annotations"}},
		{name: "controllerManager.strategy", kind: deployment, path: []string{"spec", "strategy"}},
		{name: "controllerManager.podSecurityContext", kind: deployment, path: pod("securityContext")},
		{name: "controllerManager.tolerations", kind: deployment, path: pod("tolerations")},
		{name: "controllerManager.affinity", kind: deployment, path: pod("affinity")},
		{name: "controllerManager.imagePullSecrets", value: []any{}, kind: deployment, path: pod("imagePullSecrets")},
		{name: "metricsService.type", kind: serviceKind, path: []string{"spec", "type"}},
		{name: "metricsService.ports", kind: serviceKind, path: []string{"spec", "ports"}},
		{name: "webhookService.type", comment: "Without effect, as webhooksEnabled.", value: "ClusterIP"},
		{name: "webhookService.ports", comment: "Without effect, as webhooksEnabled.", value: []any{
			map[string]any{"port": 443, "protocol": "TCP", "targetPort": "webhook-server"},
		}},
		{name: "proxy.httpsProxy", comment: "Proxy for requests to engines.", value: "", kind: deployment, path: container("env"), text: envText},
		{name: "proxy.httpProxy", comment: "The same for engines without TLS.", value: ""},
		{name: "proxy.noProxy", comment: "What is asked directly. The management cluster itself always is.", value: ""},
	}
}

const envText = `env:
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- with .Values.proxy }}
{{- if .httpsProxy }}
- name: https_proxy
  value: {{ .httpsProxy | quote }}
{{- end }}
{{- if .httpProxy }}
- name: http_proxy
  value: {{ .httpProxy | quote }}
{{- end }}
{{- if or .httpsProxy .httpProxy .noProxy }}
- name: no_proxy
  value: "$(KUBERNETES_SERVICE_HOST),.svc,.svc.{{ $.Values.kubernetesClusterDomain }}{{ with .noProxy }},{{ . }}{{ end }}"
{{- end }}
{{- end }}`

// argsText are the arguments of the Deployment, and those of the user after them.
func argsText() string {
	text := "args:"
	for _, a := range arguments() {
		switch {
		case a.chart == "":
			text += "\n- " + a.clusterctl
		case a.clusterctl == "":
			text += "\n" + a.chart
		default:
			text += "\n- " + a.chart
		}
	}
	return text + `
{{- range .Values.controllerManager.container.args }}
{{- if hasPrefix "--" . }}
- {{ . | quote }}
{{- end }}
{{- end }}`
}

// render writes the field with the setting in it, at the indentation of a line that begins with prefix.
func (s *setting) render(prefix, key string) string {
	indent := strings.Repeat(" ", len(prefix))
	if s.text != "" {
		return prefix + strings.ReplaceAll(s.text, "\n", "\n"+indent)
	}
	switch s.value.(type) {
	case map[string]any, []any:
		if strings.HasSuffix(prefix, "- ") { // the item must begin with something
			return fmt.Sprintf("%s%s:\n%s  {{- toYaml .Values.%s | nindent %d }}", prefix, key, indent, s.name, len(indent)+2)
		}
		return fmt.Sprintf("%s{{- with .Values.%s }}\n%s%s:\n%s  {{- toYaml . | nindent %d }}\n%s{{- end }}",
			indent, s.name, indent, key, indent, len(indent)+2, indent)
	}
	return fmt.Sprintf("%s%s: {{ .Values.%s }}", prefix, key, s.name)
}

// valuesFile is values.yaml: the settings in their order, with comments.
func valuesFile(settings []*setting) ([]byte, error) {
	var out strings.Builder
	out.WriteString("# Generated by \"make generate\" from hack/generate/packages. Do not edit.\n")
	var open []string // the maps that the last line is in
	for _, s := range settings {
		path := strings.Split(s.name, ".")
		shared := 0
		for shared < len(open) && shared < len(path)-1 && open[shared] == path[shared] {
			shared++
		}
		for depth := shared; depth < len(path)-1; depth++ {
			fmt.Fprintf(&out, "%s%s:\n", strings.Repeat("  ", depth), path[depth])
		}
		open = path[:len(path)-1]
		indent := strings.Repeat("  ", len(open))
		if s.comment != "" {
			fmt.Fprintf(&out, "%s# %s\n", indent, s.comment)
		}
		content, err := yaml.Marshal(map[string]any{path[len(open)]: s.value})
		if err != nil {
			return nil, fmt.Errorf("default of the value %s: %w", s.name, err)
		}
		for line := range strings.Lines(string(content)) {
			out.WriteString(indent + line)
		}
	}
	return []byte(out.String()), nil
}

// Values are the names of the chart's values, such as controllerManager.replicas.
func Values() []string {
	var names []string
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return names
}
