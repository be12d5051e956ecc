{{- define "dbs-exporter.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* A Service's name has no dots and begins with a letter, a release's may have both. 52 leaves a StatefulSet's pods room. */}}
{{- define "dbs-exporter.fullname" -}}
{{- $name := include "dbs-exporter.name" . -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- $full := printf "%s-%s" $release $name -}}
{{- if .Values.fullnameOverride -}}
{{- $full = .Values.fullnameOverride -}}
{{- else if contains $name $release -}}
{{- $full = $release -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" $full) -}}
{{- $full = printf "%s-%s" .Chart.Name $full -}}
{{- end -}}
{{- $full | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The claim of one shard, and the StatefulSet whose pods have claims: claims cannot be added to a StatefulSet that is there. */}}
{{- define "dbs-exporter.stateName" -}}
{{- include "dbs-exporter.fullname" . | trunc 46 | trimSuffix "-" }}-state
{{- end -}}

{{- define "dbs-exporter.workloadKind" -}}
{{- gt (int .Values.shards) 1 | ternary "StatefulSet" "Deployment" -}}
{{- end -}}

{{- define "dbs-exporter.workloadName" -}}
{{- if and (gt (int .Values.shards) 1) .Values.persistence.enabled -}}
{{- include "dbs-exporter.stateName" . -}}
{{- else -}}
{{- include "dbs-exporter.fullname" . -}}
{{- end -}}
{{- end -}}

{{/*
The spec of a claim; nothing in it can be changed later. The claim of one shard is not ReadWriteOncePod: while the pod of a dead
node is still listed, the scheduler would find no place for the one that replaces it.
*/}}
{{- define "dbs-exporter.claimSpec" -}}
{{- $onePod := and (gt (int .Values.shards) 1) (semverCompare ">=1.29-0" .Capabilities.KubeVersion.Version) -}}
{{- $accessMode := $onePod | ternary "ReadWriteOncePod" "ReadWriteOnce" -}}
accessModes: [{{ default $accessMode .Values.persistence.accessMode }}]
{{- with .Values.persistence.storageClassName }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.persistence.size | quote }}
{{- end -}}

{{- define "dbs-exporter.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "dbs-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dbs-exporter.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* labels of an object: (dict "root" $ "more" dict "own" dict); what selectors look at cannot be changed by values */}}
{{- define "dbs-exporter.labels" -}}
{{- $root := .root -}}
{{- $usual := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/component" "metrics"
  "app.kubernetes.io/part-of" (include "dbs-exporter.name" $root)
  "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $selected := include "dbs-exporter.selectorLabels" $root | fromYaml -}}
{{- toYaml (mergeOverwrite $usual $root.Values.commonLabels (default dict .more) $selected (default dict .own)) -}}
{{- end -}}

{{/* metadata of an object: (dict "root" $ "name" "" "suffix" "" "namespace" "" "labels" dict "ownLabels" dict "annotations" dict) */}}
{{- define "dbs-exporter.metadata" -}}
{{- $root := .root -}}
name: {{ default (printf "%s%s" (include "dbs-exporter.fullname" $root) (default "" .suffix)) .name | quote }}
namespace: {{ default (include "dbs-exporter.namespace" $root) .namespace | quote }}
labels:
  {{- include "dbs-exporter.labels" (dict "root" $root "more" .labels "own" .ownLabels) | nindent 2 }}
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

{{/* the name of an image: (dict "root" $ "image" dict) */}}
{{- define "dbs-exporter.image" -}}
{{- $repository := .image.repository -}}
{{- with default .image.registry .root.Values.global.imageRegistry -}}{{- $repository = printf "%s/%s" . $repository -}}{{- end -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $repository .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.imagePullSecrets" -}}
{{- $secrets := .Values.imagePullSecrets -}}
{{- range .Values.global.imagePullSecrets -}}{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.reloads" -}}
{{- if and .Values.configReloader.enabled (not .Values.demo) -}}yes{{- end -}}
{{- end -}}

{{- define "dbs-exporter.configFile" -}}
/etc/dbs-exporter/{{ if .Values.existingConfigSecret }}{{ .Values.existingConfigSecretKey }}{{ else }}dbs-exporter.yml{{ end }}
{{- end -}}

{{/* what must hold between values, told at once and in words */}}
{{- define "dbs-exporter.validate" -}}
{{- $problems := list -}}
{{- $accounts := get (default dict .Values.config) "accounts" | default list -}}
{{- if and (not .Values.demo) (not .Values.existingConfigSecret) (not $accounts) -}}
{{- $problems = append $problems "Nothing to watch: set demo=true, or config.accounts, or existingConfigSecret." -}}
{{- end -}}
{{- if and (not .Values.demo) .Values.existingConfigSecret $accounts -}}
{{- $problems = append $problems "Two configurations: existingConfigSecret and config.accounts. Leave one of them out." -}}
{{- end -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") -}}
{{- $problems = append $problems "service.nodePort needs service.type NodePort or LoadBalancer." -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- $problems = append $problems "serviceMonitor and podMonitor would scrape every series twice. Enable one of them." -}}
{{- end -}}
{{- if and .Values.demo (gt (int .Values.shards) 1) -}}
{{- $problems = append $problems "demo=true runs one pod: each pod would have a cloud of its own. Leave shards at 1." -}}
{{- end -}}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) -}}
{{- $problems = append $problems "persistence.existingClaim needs persistence.enabled=true." -}}
{{- end -}}
{{- if and .Values.persistence.existingClaim (gt (int .Values.shards) 1) -}}
{{- $problems = append $problems "persistence.existingClaim is for one pod, and each shard needs a volume of its own. Leave it out, or leave shards at 1." -}}
{{- end -}}
{{- if and (not .Values.demo) (get (default dict .Values.config) "storage") -}}
{{- $problems = append $problems "config.storage: the chart mounts a volume for the state and names its path. Leave it out, and see persistence." -}}
{{- end -}}
{{- if and .Values.rrsa.enabled (not .Values.rrsa.roleName) -}}
{{- $problems = append $problems "rrsa.enabled needs rrsa.roleName, the RAM role that the pod assumes." -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (not (eq (toString .Values.podDisruptionBudget.minAvailable) "")) (not (eq (toString .Values.podDisruptionBudget.maxUnavailable) "")) (ne (toString .Values.podDisruptionBudget.maxUnavailable) "1") -}}
{{- $problems = append $problems "podDisruptionBudget takes minAvailable or maxUnavailable, not both." -}}
{{- end -}}
{{- range $account := $accounts -}}
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

{{/* how many regions all accounts have together; empty where that is not known here */}}
{{- define "dbs-exporter.regions" -}}
{{- $count := 0 -}}
{{- $known := not .Values.existingConfigSecret -}}
{{- range get (default dict .Values.config) "accounts" | default list -}}
{{- if kindIs "slice" .regions -}}{{- $count = add $count (len .regions) -}}{{- else -}}{{- $known = false -}}{{- end -}}
{{- end -}}
{{- if $known -}}{{- $count -}}{{- end -}}
{{- end -}}

{{- define "dbs-exporter.telemetryPath" -}}
{{- if or .Values.demo .Values.existingConfigSecret -}}
/metrics
{{- else -}}
{{- dig "web" "telemetry_path" "/metrics" (default dict .Values.config) -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.testLabels" -}}
app.kubernetes.io/name: {{ printf "%s-test" (include "dbs-exporter.name" . | trunc 58 | trimSuffix "-") | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* the endpoint part that ServiceMonitor and PodMonitor share: the monitor's values with "telemetryPath" */}}
{{- define "dbs-exporter.scrape" -}}
port: http
path: {{ default .telemetryPath .path | quote }}
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
