{{- define "dbs-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dbs-exporter.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "dbs-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dbs-exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "dbs-exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "dbs-exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: {{ include "dbs-exporter.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: (dict "root" $ "suffix" "" "namespace" "" "labels" dict "annotations" dict) */}}
{{- define "dbs-exporter.metadata" -}}
{{- $root := .root -}}
name: {{ printf "%s%s" (include "dbs-exporter.fullname" $root) (default "" .suffix) }}
namespace: {{ default (include "dbs-exporter.namespace" $root) .namespace }}
labels:
  {{- include "dbs-exporter.labels" $root | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with mergeOverwrite (dict) $root.Values.commonAnnotations (default dict .annotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dbs-exporter.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.image" -}}
{{- $repository := .Values.image.repository -}}
{{- if .Values.image.registry -}}{{- $repository = printf "%s/%s" .Values.image.registry .Values.image.repository -}}{{- end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.configFile" -}}
/etc/dbs-exporter/{{ if .Values.existingConfigSecret }}{{ .Values.existingConfigSecretKey }}{{ else }}dbs-exporter.yml{{ end }}
{{- end -}}

{{/* what must hold between values, told at once and in words */}}
{{- define "dbs-exporter.validate" -}}
{{- $problems := list -}}
{{- if and (not .Values.demo) (not .Values.existingConfigSecret) (not (get .Values.config "accounts")) -}}
{{- $problems = append $problems "Nothing to watch: set demo=true, or config.accounts, or existingConfigSecret." -}}
{{- end -}}
{{- if and .Values.demo (gt (int .Values.shards) 1) -}}
{{- $problems = append $problems "demo=true runs one pod: each pod would have a cloud of its own. Leave shards at 1." -}}
{{- end -}}
{{- if and .Values.rrsa.enabled (not .Values.rrsa.roleName) -}}
{{- $problems = append $problems "rrsa.enabled needs rrsa.roleName, the RAM role that the pod assumes." -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (not (eq (toString .Values.podDisruptionBudget.minAvailable) "")) (not (eq (toString .Values.podDisruptionBudget.maxUnavailable) "")) (ne (toString .Values.podDisruptionBudget.maxUnavailable) "1") -}}
{{- $problems = append $problems "podDisruptionBudget takes minAvailable or maxUnavailable, not both." -}}
{{- end -}}
{{- range $account := default list (get .Values.config "accounts") -}}
{{- with get $account "credentials" -}}
{{- range $key := list "access_key_secret" "security_token" -}}
{{- $value := get $account.credentials $key | default "" | toString -}}
{{- if and $value (not (hasPrefix "${" $value)) -}}
{{- $problems = append $problems (printf "config.accounts: %s of account %v stands in plain text. Put it into a Secret (credentials.secretName) and write ${NAME}." $key (get $account "name")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) -}}
{{- end -}}
{{- end -}}

{{/* the endpoint part that ServiceMonitor and PodMonitor share */}}
{{- define "dbs-exporter.scrape" -}}
port: http
path: /metrics
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
honorLabels: {{ .honorLabels }}
scheme: {{ .scheme }}
{{- with .tlsConfig }}
tlsConfig: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .basicAuth }}
basicAuth: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .authorization }}
authorization: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .proxyUrl }}
proxyUrl: {{ . | quote }}
{{- end }}
{{- with .relabelings }}
relabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.scrapeLimits" -}}
{{- with .sampleLimit }}
sampleLimit: {{ int . }}
{{- end }}
{{- with .targetLimit }}
targetLimit: {{ int . }}
{{- end }}
{{- with .labelLimit }}
labelLimit: {{ int . }}
{{- end }}
{{- end -}}
