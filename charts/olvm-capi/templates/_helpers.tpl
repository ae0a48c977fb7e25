{{/* What the name of every object begins with. */}}
{{- define "olvm-capi.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (default .Chart.Name .Values.nameOverride) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What does not change for the life of a release: the Deployment's selector cannot. */}}
{{- define "olvm-capi.selector" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
control-plane: controller-manager
{{- end -}}

{{- define "olvm-capi.labels" -}}
{{ include "olvm-capi.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
cluster.x-k8s.io/provider: infrastructure-olvm
clusterctl.cluster.x-k8s.io: ""
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* The manager's verbosity: a name as in chart 1.0.0, or the number itself. */}}
{{- define "olvm-capi.verbosity" -}}
{{- $names := dict "error" 0 "warn" 0 "info" 0 "debug" 4 "trace" 6 -}}
{{- $level := toString .Values.logLevel -}}
{{- if hasKey $names $level -}}{{ get $names $level }}
{{- else if regexMatch "^[0-9]+$" $level -}}{{ $level }}
{{- else -}}{{ fail (printf "logLevel %q: choose error, warn, info, debug, trace or a number" $level) }}
{{- end -}}
{{- end -}}
