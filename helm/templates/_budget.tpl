{{/* What is known of the service: settings, defaults, steps of the shutdown, presets. Written by `npm run docs`. */}}
{{- define "baton.service" -}}
{{ .Files.Get "files/service.json" }}
{{- end }}

{{- define "baton.preset" -}}
{{- $service := include "baton.service" . | fromJson -}}
{{ index $service.presets .Values.loadBalancer.preset | toJson }}
{{- end }}

{{- define "baton.preStopSeconds" -}}
{{- $preset := include "baton.preset" . | fromJson -}}
{{- ternary .Values.loadBalancer.preStopSeconds $preset.preStopSeconds (hasKey .Values.loadBalancer "preStopSeconds") -}}
{{- end }}

{{/* The settings that the pods get: `config`, and what follows from the preset. */}}
{{- define "baton.config" -}}
{{- $preset := include "baton.preset" . | fromJson -}}
{{- $config := dict "DRAIN_SECONDS" $preset.drainSeconds "KEEP_ALIVE_SECONDS" $preset.keepAliveSeconds -}}
{{ mergeOverwrite $config (deepCopy .Values.config) | toJson }}
{{- end }}

{{/* A setting as a number, from `config` or from the defaults of the service. */}}
{{- define "baton.number" -}}
{{- $service := include "baton.service" .root | fromJson -}}
{{- $config := include "baton.config" .root | fromJson -}}
{{ merge $config $service.defaults | dig .name 0 | toJson }}
{{- end }}

{{/* The longest that the end of a pod can take, term by term. */}}
{{- define "baton.terms" -}}
{{- $root := . -}}
{{- $service := include "baton.service" . | fromJson -}}
{{- $terms := list (dict "name" "preStop sleep" "seconds" (include "baton.preStopSeconds" . | float64)) -}}
{{- range $service.steps -}}
{{- $seconds := .seconds -}}
{{- if .setting -}}
{{- $seconds = include "baton.number" (dict "root" $root "name" .setting) | float64 -}}
{{- end -}}
{{- $terms = append $terms (dict "name" .name "seconds" $seconds) -}}
{{- end -}}
{{ dict "terms" (append $terms (dict "name" "margin" "seconds" 5)) | toJson }}
{{- end }}

{{- define "baton.neededSeconds" -}}
{{- $sum := 0.0 -}}
{{- range (include "baton.terms" . | fromJson).terms -}}
{{- $sum = addf $sum .seconds -}}
{{- end -}}
{{ $sum | ceil | int64 }}
{{- end }}

{{- define "baton.sum" -}}
{{- $parts := list -}}
{{- range (include "baton.terms" . | fromJson).terms -}}
{{- $parts = append $parts (printf "%s %s" .name (toJson .seconds)) -}}
{{- end -}}
{{ join " + " $parts }}
{{- end }}

{{- define "baton.graceSeconds" -}}
{{- if hasKey .Values "terminationGracePeriodSeconds" -}}
{{ .Values.terminationGracePeriodSeconds | int64 }}
{{- else -}}
{{ include "baton.neededSeconds" . }}
{{- end -}}
{{- end }}
