{{/*
In values, an action that begins with .Release, .Values, .Chart or include is a template. Other braces are left to those they are
meant for: Vault's agent, the External Secrets Operator, Prometheus. (dict "root" $ "value" anything) to JSON.
*/}}
{{- define "dbs-exporter.templated" -}}
{{- $root := .root -}}
{{- $json := toJson .value -}}
{{- range $action := regexFindAll `\{\{-? *(\.Release|\.Values|\.Chart|include)\b(?:[^{}"\\]|\\.)*\}\}` $json -1 | uniq -}}
{{- $text := get (printf `{"text": "%s"}` $action | fromJson) "text" -}}
{{- $json = replace $action (tpl $text $root | toJson | trimPrefix `"` | trimSuffix `"`) $json -}}
{{- end -}}
{{- $json -}}
{{- end -}}

{{/* The templates in values, replaced once, before any other template looks at them; each file begins with this. */}}
{{- define "dbs-exporter.prepare" -}}
{{- if not (hasKey .Values "prepared") -}}
{{- if contains "{{" (toJson .Values) -}}
{{- range $key, $value := include "dbs-exporter.templated" (dict "root" . "value" (omit .Values "extraManifests")) | fromJson -}}
{{- $_ := set $.Values $key $value -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values "prepared" true -}}
{{- end -}}
{{- end -}}

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

{{/* An upgrade cannot change a selector, so no value has a part in it. */}}
{{- define "dbs-exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
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
{{- toYaml (mergeOverwrite $usual (default dict $root.Values.commonLabels) (default dict .more) $selected (default dict .own)) -}}
{{- end -}}

{{/* metadata of an object: (dict "root" $ "name" "" "suffix" "" "namespace" "" "labels" dict "ownLabels" dict "annotations" dict) */}}
{{- define "dbs-exporter.metadata" -}}
{{- $root := .root -}}
name: {{ default (printf "%s%s" (include "dbs-exporter.fullname" $root) (default "" .suffix)) .name | quote }}
namespace: {{ default (include "dbs-exporter.namespace" $root) .namespace | quote }}
labels:
  {{- include "dbs-exporter.labels" (dict "root" $root "more" .labels "own" .ownLabels) | nindent 2 }}
{{- with mergeOverwrite (dict) (default dict $root.Values.commonAnnotations) (default dict .annotations) }}
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
{{- $secrets := default list .Values.imagePullSecrets -}}
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

{{/* how many regions all accounts have together; empty where that is not known here */}}
{{- define "dbs-exporter.regions" -}}
{{- $count := 0 -}}
{{- $known := not .Values.existingConfigSecret -}}
{{- range get (default dict .Values.config) "accounts" | default list -}}
{{- if kindIs "slice" .regions -}}{{- $count = add $count (len .regions) -}}{{- else -}}{{- $known = false -}}{{- end -}}
{{- end -}}
{{- if $known -}}{{- $count -}}{{- end -}}
{{- end -}}

{{- define "dbs-exporter.testLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-test
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
