{{/* "true" or nothing: an `if` takes them as they are. */}}
{{- define "baton.isShared" -}}
{{- if ne .Values.workspaces.accessMode "None" }}true{{ end -}}
{{- end }}

{{- define "baton.isOneNode" -}}
{{- if eq .Values.workspaces.accessMode "ReadWriteOnce" }}true{{ end -}}
{{- end }}

{{- define "baton.hasAutoscaler" -}}
{{- if or .Values.autoscaling.enabled .Values.keda.enabled }}true{{ end -}}
{{- end }}

{{- define "baton.replicas" -}}
{{- if hasKey .Values "replicas" -}}
{{ .Values.replicas | int }}
{{- else -}}
{{ ternary 2 1 (eq (include "baton.isShared" .) "true") }}
{{- end -}}
{{- end }}

{{/* The most pods that there can be, a rolling update aside. */}}
{{- define "baton.mostReplicas" -}}
{{- if .Values.autoscaling.enabled -}}
{{ .Values.autoscaling.maxReplicas | int }}
{{- else if .Values.keda.enabled -}}
{{ .Values.keda.maxReplicas | int }}
{{- else -}}
{{ include "baton.replicas" . }}
{{- end -}}
{{- end }}

{{- define "baton.hasBundledRedis" -}}
{{- $isAlone := and (not .Values.redis.url) (not .Values.redis.existingSecret) -}}
{{- if dig "enabled" $isAlone .Values.redis.bundled }}true{{ end -}}
{{- end }}

{{- define "baton.hasBudget" -}}
{{- $fits := and (eq .Values.workspaces.accessMode "ReadWriteMany") (gt (include "baton.mostReplicas" . | int) 1) -}}
{{- if dig "enabled" $fits .Values.podDisruptionBudget }}true{{ end -}}
{{- end }}

{{- define "baton.serviceType" -}}
{{- $preset := include "baton.preset" . | fromJson -}}
{{ dig "type" $preset.serviceType .Values.service }}
{{- end }}

{{/* Whether Prometheus needs no token. */}}
{{- define "baton.hasOpenMetrics" -}}
{{- if or (hasKey .Values.ports "metrics") .Values.auth.anonymous }}true{{ end -}}
{{- end }}

{{- define "baton.probePort" -}}
{{ ternary "metrics" "http" (hasKey .Values.ports "metrics") }}
{{- end }}

{{- define "baton.workspacesClaim" -}}
{{ default (printf "%s-workspaces" (include "baton.fullname" .)) .Values.workspaces.existingClaim }}
{{- end }}
