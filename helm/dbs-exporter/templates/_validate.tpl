{{/* What must hold between values, and what a cluster would take and never do, all at once and in words. */}}
{{- define "dbs-exporter.validate" -}}
{{- $problems := list -}}
{{- range $part := list "configuration" "shards" "network" "web" "monitors" "pod" "disruptions" "changes" -}}
{{- range $line := include (printf "dbs-exporter.validate.%s" $part) $ | splitList "\n" -}}
{{- with trim $line -}}{{- $problems = append $problems . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) -}}
{{- end -}}
{{- end -}}

{{- define "dbs-exporter.validate.configuration" -}}
{{- $config := default dict .Values.config -}}
{{- $accounts := get $config "accounts" | default list -}}
{{- if and (not .Values.demo) (not .Values.existingConfigSecret) (not $accounts) }}
Nothing to watch: set demo=true, or config.accounts, or existingConfigSecret.
{{- end }}
{{- if and (not .Values.demo) .Values.existingConfigSecret $accounts }}
Two configurations: existingConfigSecret and config.accounts. Leave one of them out.
{{- end }}
{{- if not (or .Values.demo .Values.existingConfigSecret) }}
{{- if get $config "storage" }}
config.storage: the chart mounts a volume for the state and names its path. Leave it out, and see persistence.
{{- end }}
{{- $web := get $config "web" | default dict }}
{{- if get $web "listen_addresses" }}
config.web.listen_addresses: the chart's probes and Service ask at port 10033. Leave it out.
{{- end }}
{{- range $key := list "external_url" "route_prefix" "telemetry_path" }}
{{- if contains "${" (get $web $key | default "") }}
config.web.{{ $key }}: the chart's probes and monitors go by it, and know no variable. Write it out.
{{- end }}
{{- end }}
{{- end }}
{{- if and .Values.drill.enabled (not .Values.drill.configSecret) }}
drill.enabled needs drill.configSecret, the name of a Secret whose key drill.yml is the configuration of drills (docs/proof.md).
{{- end }}
{{- if and .Values.rrsa.enabled (not .Values.rrsa.roleName) }}
rrsa.enabled needs rrsa.roleName, the RAM role that the pod assumes.
{{- end }}
{{- range $account := $accounts }}
{{- with get $account "credentials" }}
{{- range $key := list "access_key_secret" "security_token" }}
{{- $value := get $account.credentials $key | default "" | toString }}
{{- if and $value (not (hasPrefix "${" $value)) }}
config.accounts: {{ $key }} of account {{ get $account "name" }} stands in plain text. Put it into a Secret (credentials.secretName) and write ${NAME}.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.validate.shards" -}}
{{- $sharded := gt (int .Values.shards) 1 -}}
{{- if and .Values.demo $sharded }}
demo=true runs one pod: each pod would have a cloud of its own. Leave shards at 1.
{{- end }}
{{- if and .Values.persistence.existingClaim (not .Values.persistence.enabled) }}
persistence.existingClaim needs persistence.enabled=true.
{{- end }}
{{- if and .Values.persistence.existingClaim $sharded }}
persistence.existingClaim is for one pod, and each shard needs a volume of its own. Leave it out, or leave shards at 1.
{{- end }}
{{- if and .Values.web.shardUrl (not $sharded) }}
web.shardUrl is for shards, and there is one. Leave it out, or set shards.
{{- end }}
{{- end -}}

{{- define "dbs-exporter.validate.network" -}}
{{- if and .Values.service.nodePort (eq .Values.service.type "ClusterIP") }}
service.nodePort needs service.type NodePort or LoadBalancer.
{{- end }}
{{- $policy := .Values.networkPolicy }}
{{- if and $policy.enabled (not $policy.from) (not $policy.extraFrom) }}
{{- range $key, $open := dict "ingress.enabled" .Values.ingress.enabled "httpRoute.enabled" .Values.httpRoute.enabled "service.type" (ne .Values.service.type "ClusterIP") }}
{{- if $open }}
{{ $key }} lets others in, and networkPolicy shuts them out: name them in networkPolicy.extraFrom, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}}].
{{- end }}
{{- end }}
{{- end }}
{{- if and $policy.enabled (not $policy.extraEgress) }}
{{- range (include "dbs-exporter.egress" . | fromJson).unknown }}
networkPolicy: {{ . }} is a variable, so the chart cannot know which port to let out. Name it in networkPolicy.extraEgress.
{{- end }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.validate.web" -}}
{{- $web := include "dbs-exporter.web" . | fromJson -}}
{{- if and .Values.web.config .Values.web.configSecret }}
Two web configurations: web.config and web.configSecret. Leave one of them out.
{{- end }}
{{- if and .Values.web.configSecretHas (not .Values.web.configSecret) }}
web.configSecretHas says what web.configSecret holds, and there is none. Leave it out.
{{- end }}
{{- if and (include "dbs-exporter.reloads" .) (or $web.users $web.clientCertificates) }}
configReloader can show neither a password nor a certificate, which web demands. Leave one of them out; a changed config then rolls the pod.
{{- end }}
{{- range $flag := .Values.extraArgs }}
{{- range $own, $value := dict "--config.file" "existingConfigSecret" "--web.listen-address" "service.port" "--web.config.file" "web.config" "--web.external-url" "web.externalUrl" "--web.route-prefix" "web.routePrefix" "--web.telemetry-path" "config.web.telemetry_path" "--storage.path" "persistence" "--shard" "shards" "--total-shards" "shards" "--shard-url" "web.shardUrl" "--log.level" "log.level" "--log.format" "log.format" }}
{{- if eq $own (regexFind "^[^= ]+" $flag) }}
extraArgs: {{ $own }} is one that the chart sets, and goes by: see {{ $value }}.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.milliseconds" -}}
{{- $sum := 0 -}}
{{- $units := dict "y" 31536000000 "w" 604800000 "d" 86400000 "h" 3600000 "m" 60000 "s" 1000 "ms" 1 -}}
{{- range $part := regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" $part | atoi) (get $units (regexFind "[a-z]+" $part))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{- define "dbs-exporter.validate.monitors" -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
serviceMonitor and podMonitor would scrape every series twice. Enable one of them.
{{- end }}
{{- $web := include "dbs-exporter.web" . | fromJson }}
{{- range $name := list "serviceMonitor" "podMonitor" }}
{{- $monitor := get $.Values $name }}
{{- if $monitor.enabled }}
{{- $interval := include "dbs-exporter.milliseconds" $monitor.interval | int64 }}
{{- $timeout := include "dbs-exporter.milliseconds" $monitor.scrapeTimeout | int64 }}
{{- if or (lt $interval $timeout) (eq $timeout 0) }}
{{ $name }}: scrapeTimeout {{ $monitor.scrapeTimeout }} must be above 0 and at most the interval {{ $monitor.interval }}, or the operator drops the monitor without a word.
{{- end }}
{{- if and $web.tls (ne "http" $monitor.scheme) (not $monitor.tlsConfig) (not (get (default dict $monitor.extraSpec) "scrapeClass")) }}
{{ $name }}.tlsConfig: TLS is on, and Prometheus must know whom to trust: ca and serverName, or insecureSkipVerify: true.
{{- end }}
{{- if and $web.clientCertificates (not (get (default dict $monitor.tlsConfig) "cert")) (not (get (default dict $monitor.extraSpec) "scrapeClass")) }}
{{ $name }}.tlsConfig: web demands a certificate of Prometheus: cert and keySecret.
{{- end }}
{{- if and $web.users (not $monitor.basicAuth) (not $monitor.authorization) }}
{{ $name }}.basicAuth: web asks for a user and a password, so every scrape would be refused without.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A quantity of Kubernetes as a number. */}}
{{- define "dbs-exporter.amount" -}}
{{- $units := dict "n" 1e-9 "u" 1e-6 "m" 1e-3 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- $number := regexFind "^[0-9.]+([eE][-+]?[0-9]+)?" (toString .) -}}
{{- mulf (float64 $number) (get $units (trimPrefix $number (toString .))) | printf "%.9f" -}}
{{- end -}}

{{/* Names that stand twice in one list, which a server-side apply refuses: (dict "where" text "names" list). */}}
{{- define "dbs-exporter.twice" -}}
{{- $seen := list -}}
{{- range $name := .names }}
{{- if has $name $seen }}
{{ $.where }}: {{ $name }} is there twice, or is a name of the chart's own. Leave one of them out.
{{- end }}
{{- $seen = append $seen $name }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.validate.pod" -}}
{{- $web := include "dbs-exporter.web" . | fromJson -}}
{{- $env := gt (int .Values.shards) 1 | ternary (list "POD_NAME") list -}}
{{- $volumes := list "state" -}}
{{- $paths := list "/var/lib/dbs-exporter" -}}
{{- if not .Values.demo -}}
{{- $env = append $env "DBS_EXPORTER_CONFIG_FILE" -}}
{{- $volumes = append $volumes "config" -}}
{{- $paths = append $paths "/etc/dbs-exporter" -}}
{{- if .Values.credentials.mountSecretName -}}
{{- $volumes = append $volumes "secrets" -}}
{{- $paths = append $paths "/run/secrets/dbs-exporter" -}}
{{- end -}}
{{- end -}}
{{- if $web.file -}}
{{- $volumes = append $volumes "web" -}}
{{- $paths = append $paths "/etc/dbs-exporter-web" -}}
{{- end -}}
{{- if .Values.web.certificateSecret -}}
{{- $volumes = append $volumes "certificate" -}}
{{- $paths = append $paths "/etc/dbs-exporter-tls" -}}
{{- end -}}
{{- $containers := include "dbs-exporter.reloads" . | empty | ternary (list "dbs-exporter") (list "dbs-exporter" "config-reloader") -}}
{{- range .Values.extraEnv -}}{{- $env = append $env .name -}}{{- end -}}
{{- range .Values.extraVolumes -}}{{- $volumes = append $volumes .name -}}{{- end -}}
{{- range .Values.extraVolumeMounts -}}{{- $paths = append $paths (trimSuffix "/" .mountPath) -}}{{- end -}}
{{- range concat (default list .Values.initContainers) (default list .Values.extraContainers) -}}{{- $containers = append $containers .name -}}{{- end -}}
{{- range $where, $names := dict "extraEnv" $env "extraVolumes" $volumes "extraVolumeMounts" $paths "initContainers, extraContainers" $containers }}
{{ include "dbs-exporter.twice" (dict "where" $where "names" $names) }}
{{- end }}
{{- range $mount := .Values.extraVolumeMounts }}
{{- if not (has $mount.name $volumes) }}
extraVolumeMounts: there is no volume {{ $mount.name }}. Add it to extraVolumes.
{{- end }}
{{- end }}
{{- range $where, $resources := dict "resources" .Values.resources "configReloader.resources" .Values.configReloader.resources "testPod.resources" .Values.testPod.resources "drill.resources" .Values.drill.resources }}
{{- $limits := get (default dict $resources) "limits" | default dict }}
{{- range $name, $request := get (default dict $resources) "requests" | default dict }}
{{- $limit := get $limits $name }}
{{- if and (hasKey $limits $name) (gt (include "dbs-exporter.amount" $request | float64) (include "dbs-exporter.amount" $limit | float64)) }}
{{ $where }}: {{ $name }} asks for {{ $request }} and is limited to {{ $limit }}, so no pod would start. Set {{ $where }}.requests.{{ $name }} too.
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "dbs-exporter.validate.disruptions" -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if $budget.enabled }}
{{- $shards := int .Values.shards -}}
{{- $stay := kindIs "invalid" $budget.minAvailable | ternary "" (toString $budget.minAvailable) -}}
{{- $go := kindIs "invalid" $budget.maxUnavailable | ternary "" (toString $budget.maxUnavailable) -}}
{{- if and $stay $go (ne $go "1") }}
podDisruptionBudget takes minAvailable or maxUnavailable, not both.
{{- end }}
{{- $least := 0 }}
{{- if hasSuffix "%" $stay }}
{{- $least = divf (mulf (trimSuffix "%" $stay | float64) $shards) 100 | ceil | int }}
{{- else if $stay }}
{{- $least = int $stay }}
{{- end }}
{{- if and $stay (ge $least $shards) }}
podDisruptionBudget.minAvailable: {{ $stay }} of {{ $shards }} can never be evicted, so a drain of the node would hang. Leave it out: maxUnavailable is 1.
{{- else if and (not $stay) (has $go (list "0" "0%" "00%" "000%" "")) }}
podDisruptionBudget.maxUnavailable: with {{ default "nothing" $go }} no pod can ever be evicted, so a drain of the node would hang. 1 would be right.
{{- end }}
{{- end }}
{{- end -}}
