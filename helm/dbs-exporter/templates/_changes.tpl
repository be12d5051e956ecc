{{/* What is in the cluster; nothing where there is none to ask, as in `helm template` and GitOps, so nothing rendered hangs on it. */}}
{{- define "dbs-exporter.existing" -}}
{{- lookup .apiVersion .kind .namespace .name | toJson -}}
{{- end -}}

{{/* Whether an upgrade changes what Kubernetes never lets an upgrade change, before anything is sent. */}}
{{- define "dbs-exporter.validate.changes" -}}
{{- $namespace := include "dbs-exporter.namespace" . -}}
{{- $name := include "dbs-exporter.fullname" . -}}
{{- $service := get (include "dbs-exporter.existing" (dict "apiVersion" "v1" "kind" "Service" "namespace" $namespace "name" $name) | fromJson) "spec" | default dict -}}
{{- $instead := printf "Delete it first: kubectl --namespace %s delete" $namespace -}}
{{- with $service }}
{{- $families := get . "ipFamilies" | default list }}
{{- if and $families $.Values.service.ipFamilies (ne (first $families) (first $.Values.service.ipFamilies)) }}
service.ipFamilies: the first of Service {{ $name }} is {{ first $families }} for good. {{ $instead }} service {{ $name }}
{{- end }}
{{- if and $.Values.service.clusterIP (get . "clusterIP") (ne $.Values.service.clusterIP .clusterIP) }}
service.clusterIP: that of Service {{ $name }} is {{ .clusterIP }} for good. {{ $instead }} service {{ $name }}
{{- end }}
{{- $class := get . "loadBalancerClass" | default "" }}
{{- $asked := $.Values.service.loadBalancerClass }}
{{- if and $asked (eq (get . "type") "LoadBalancer") (eq $.Values.service.type "LoadBalancer") (ne $class $asked) }}
service.loadBalancerClass: that of Service {{ $name }} is {{ default "the cluster's default" $class }} for good. {{ $instead }} service {{ $name }}
{{- end }}
{{- end }}
{{- $claims := .Values.persistence.enabled }}
{{- $wanted := include "dbs-exporter.claimSpec" . | fromYaml }}
{{- $state := include "dbs-exporter.stateName" . }}
{{- if and $claims (gt (int .Values.shards) 1) }}
{{- $set := get (include "dbs-exporter.existing" (dict "apiVersion" "apps/v1" "kind" "StatefulSet" "namespace" $namespace "name" $state) | fromJson) "spec" | default dict }}
{{- range get $set "volumeClaimTemplates" | default list }}
{{- include "dbs-exporter.claimChanges" (dict "of" (printf "StatefulSet %s" $state) "has" .spec "wanted" $wanted "class" (get .spec "storageClassName") "grows" false "instead" (printf "%s statefulset,pvc --selector app.kubernetes.io/instance=%s" $instead $.Release.Name)) }}
{{- end }}
{{- else if and $claims (not .Values.persistence.existingClaim) }}
{{- with include "dbs-exporter.existing" (dict "apiVersion" "v1" "kind" "PersistentVolumeClaim" "namespace" $namespace "name" $state) | fromJson }}
{{- $annotations := get .metadata "annotations" | default dict }}
{{- $class := get $wanted "storageClassName" | empty | ternary "" (get .spec "storageClassName") }}
{{- if hasKey $annotations "dbs-exporter/storage-class" }}
{{- $class = get $annotations "dbs-exporter/storage-class" }}
{{- end }}
{{- include "dbs-exporter.claimChanges" (dict "of" (printf "claim %s" $state) "has" .spec "wanted" $wanted "class" $class "grows" true "instead" (printf "%s deployment/%s pvc/%s" $instead $name $state)) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* One claim: (dict "of" its name "has" its spec "wanted" spec "class" class as it was asked for "grows" bool "instead" command). */}}
{{- define "dbs-exporter.claimChanges" -}}
{{- $class := get .wanted "storageClassName" | default "" -}}
{{- if ne $class (.class | default "") }}
persistence.storageClassName: {{ .of }} was made with {{ default "the cluster's default" .class }}, for good, and {{ default "the cluster's default" $class }} is asked for now. {{ .instead }}
{{- end }}
{{- if ne (first .wanted.accessModes) (first .has.accessModes) }}
persistence.accessMode: {{ .of }} was made with {{ first .has.accessModes }}, for good, and {{ first .wanted.accessModes }} is asked for now. {{ .instead }}
{{- end }}
{{- $size := include "dbs-exporter.amount" .wanted.resources.requests.storage | float64 }}
{{- $had := include "dbs-exporter.amount" .has.resources.requests.storage | float64 }}
{{- if or (lt $size $had) (and (not .grows) (ne $size $had)) }}
persistence.size: {{ .of }} was made with {{ .has.resources.requests.storage }}{{ if .grows }}, and cannot shrink{{ else }}, for good{{ end }}; {{ .wanted.resources.requests.storage }} is asked for now. {{ .instead }}
{{- end }}
{{- end -}}
