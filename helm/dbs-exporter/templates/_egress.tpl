{{/* The host of a URL and its port, "" where a variable stands in for it. */}}
{{- define "dbs-exporter.port" -}}
{{- $url := contains "://" . | ternary . (printf "https://%s" .) -}}
{{- if not (contains "${" $url) -}}
{{- $port := regexFind `:[0-9]+$` (get (urlParse $url) "host") | trimPrefix ":" -}}
{{- default (hasPrefix "http://" $url | ternary "80" "443") $port -}}
{{- end -}}
{{- end -}}

{{/*
What the values say that the exporter calls, beside DNS and 443, as {ports, metadata, unknown} in JSON: ports of endpoints and proxies,
whether it asks the metadata service, and which keys are variables.
*/}}
{{- define "dbs-exporter.egress" -}}
{{- $named := dict -}}
{{- $metadata := false -}}
{{- if not (or .Values.demo .Values.existingConfigSecret) -}}
{{- range $account := get (default dict .Values.config) "accounts" | default list -}}
{{- $credentials := get $account "credentials" | default dict -}}
{{- $type := get $credentials "type" | default "default" -}}
{{- if or (eq $type "ecs_ram_role") (and (eq $type "default") (not $.Values.rrsa.enabled) (not $.Values.credentials.secretName)) -}}
{{- $metadata = true -}}
{{- end -}}
{{- with get $account "endpoint" -}}{{- $_ := set $named (printf "endpoint of account %v" $account.name) . -}}{{- end -}}
{{- range $key := list "sts_endpoint" "credentials_uri" -}}
{{- with get $credentials $key -}}{{- $_ := set $named (printf "%s of account %v" $key $account.name) . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if and (has (upper .name) (list "HTTP_PROXY" "HTTPS_PROXY" "ALL_PROXY" "ALIBABA_CLOUD_CREDENTIALS_URI")) (get . "value") -}}
{{- $_ := set $named .name (contains "://" .value | ternary .value (printf "http://%s" .value)) -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- $unknown := list -}}
{{- range $name, $url := $named -}}
{{- $port := include "dbs-exporter.port" $url -}}
{{- if $port -}}{{- $ports = append $ports $port -}}{{- else -}}{{- $unknown = append $unknown $name -}}{{- end -}}
{{- end -}}
{{- toJson (dict "ports" (without (uniq $ports | sortAlpha) "443") "metadata" $metadata "unknown" $unknown) -}}
{{- end -}}
