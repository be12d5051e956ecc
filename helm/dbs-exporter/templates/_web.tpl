{{/* What the exporter's web configuration holds, as {content, file, tls, users, clientCertificates} in JSON. */}}
{{- define "dbs-exporter.web" -}}
{{- $web := .Values.web -}}
{{- $content := deepCopy (default dict $web.config) -}}
{{- if and $web.certificateSecret (not $web.configSecret) -}}
{{- $tls := get $content "tls_server_config" | default dict -}}
{{- $files := dict "cert_file" "/etc/dbs-exporter-tls/tls.crt" "key_file" "/etc/dbs-exporter-tls/tls.key" -}}
{{- if ne (get $tls "client_auth_type" | default "NoClientCert") "NoClientCert" -}}
{{- $_ := set $files "client_ca_file" "/etc/dbs-exporter-tls/ca.crt" -}}
{{- end -}}
{{- $_ := set $content "tls_server_config" (merge (dict) $tls $files) -}}
{{- end -}}
{{- $has := empty $web.configSecret | ternary list (default list $web.configSecretHas) -}}
{{- $tls := get $content "tls_server_config" | default dict -}}
{{- $demands := or (eq (get $tls "client_auth_type" | default "") "RequireAndVerifyClientCert") (has "clientCertificates" $has) -}}
{{- $file := "" -}}
{{- if or $content $web.configSecret -}}
{{- $file = printf "/etc/dbs-exporter-web/%s" (empty $web.configSecret | ternary "web.yml" $web.configSecretKey) -}}
{{- end -}}
{{- toJson (dict
  "content" $content
  "file" $file
  "tls" (or (not (empty $tls)) (has "tls" $has) $demands)
  "users" (or (not (empty (get $content "basic_auth_users"))) (has "users" $has))
  "clientCertificates" $demands) -}}
{{- end -}}

{{/* What `config.web` says, where the configuration is one of the chart's. */}}
{{- define "dbs-exporter.configWeb" -}}
{{- if not (or .Values.demo .Values.existingConfigSecret) -}}
{{- toJson (get (default dict .Values.config) "web" | default dict) -}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* The URL that the Ingress gives, if it has one plain path that is not / and does not take it away. */}}
{{- define "dbs-exporter.ingressUrl" -}}
{{- $paths := list -}}
{{- range .Values.ingress.hosts -}}{{- range .paths -}}{{- $paths = append $paths .path -}}{{- end -}}{{- end -}}
{{- $plain := and .Values.ingress.enabled (eq (len (uniq $paths)) 1) -}}
{{- range $key, $_ := .Values.ingress.annotations -}}{{- if contains "rewrite" $key -}}{{- $plain = false -}}{{- end -}}{{- end -}}
{{- if and $plain (regexMatch "^(/[A-Za-z0-9._~-]+)+/?$" (first $paths)) -}}
{{- .Values.ingress.tls | empty | ternary "http" "https" }}://{{ (first .Values.ingress.hosts).host }}{{ first $paths }}
{{- end -}}
{{- end -}}

{{/* The value of --web.external-url; empty where the configuration says it. */}}
{{- define "dbs-exporter.externalUrl" -}}
{{- $configured := include "dbs-exporter.configWeb" . | fromJson -}}
{{- if .Values.web.externalUrl -}}
{{- .Values.web.externalUrl -}}
{{- else if not (get $configured "external_url") -}}
{{- include "dbs-exporter.ingressUrl" . -}}
{{- end -}}
{{- end -}}

{{/* The path below which everything is served, without a slash at its end. */}}
{{- define "dbs-exporter.prefix" -}}
{{- $configured := include "dbs-exporter.configWeb" . | fromJson -}}
{{- $url := default (get $configured "external_url" | default "") (include "dbs-exporter.externalUrl" .) -}}
{{- $path := default (get $configured "route_prefix" | default (get (urlParse $url) "path")) .Values.web.routePrefix -}}
{{- with trimAll "/" $path -}}/{{ . }}{{- end -}}
{{- end -}}

{{- define "dbs-exporter.metricsPath" -}}
{{- $configured := include "dbs-exporter.configWeb" . | fromJson -}}
{{- include "dbs-exporter.prefix" . }}{{ get $configured "telemetry_path" | default "/metrics" }}
{{- end -}}

{{- define "dbs-exporter.scheme" -}}
{{- (include "dbs-exporter.web" . | fromJson).tls | ternary "https" "http" -}}
{{- end -}}

{{/* One probe, (dict "root" $ "probe" dict): a request as the exporter serves it, or its own command where it wants a certificate. */}}
{{- define "dbs-exporter.probe" -}}
{{- $probe := deepCopy .probe -}}
{{- $web := include "dbs-exporter.web" .root | fromJson -}}
{{- $prefix := include "dbs-exporter.prefix" .root -}}
{{- with get $probe "httpGet" -}}
{{- if $web.clientCertificates -}}
{{- $command := list "/app/bin/dbs-exporter" "healthcheck" "--web.listen-address=:10033" (printf "--web.config.file=%s" $web.file) -}}
{{- if $prefix -}}{{- $command = append $command (printf "--web.route-prefix=%s" $prefix) -}}{{- end -}}
{{- $_ := unset $probe "httpGet" -}}
{{- $_ := set $probe "exec" (dict "command" $command) -}}
{{- /* A program starts, which takes longer than the second that Kubernetes gives. */ -}}
{{- $_ := set $probe "timeoutSeconds" (get $probe "timeoutSeconds" | default 5) -}}
{{- else -}}
{{- $_ := set . "path" (printf "%s%s" $prefix .path) -}}
{{- if and $web.tls (not (hasKey . "scheme")) -}}{{- $_ := set . "scheme" "HTTPS" -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $probe -}}
{{- end -}}

{{/* URL of the page of one shard: (dict "root" $ "shard" number), as urlParse has it, in JSON. */}}
{{- define "dbs-exporter.shardUrl" -}}
{{- toJson (urlParse (replace "{shard}" (toString .shard) .root.Values.web.shardUrl)) -}}
{{- end -}}

{{/* The endpoint of a monitor: (dict "root" $ "monitor" its values). */}}
{{- define "dbs-exporter.scrape" -}}
{{- $root := .root -}}
{{- with .monitor -}}
port: http
path: {{ default (include "dbs-exporter.metricsPath" $root) .path | quote }}
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
honorLabels: {{ .honorLabels }}
scheme: {{ default (include "dbs-exporter.scheme" $root) .scheme }}
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
{{- with .extraEndpoint }}
{{ toYaml . }}
{{- end }}
{{- end -}}
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
{{- with .extraSpec }}
{{ toYaml . }}
{{- end }}
{{- end -}}
