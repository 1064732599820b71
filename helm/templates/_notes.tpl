{{- define "baton.notes" -}}
{{- $full := include "baton.fullname" . -}}
{{- $grace := include "baton.graceSeconds" . | int -}}
{{- $replicas := include "baton.mostReplicas" . | int -}}
Baton {{ .Chart.AppVersion }} is installed as "{{ .Release.Name }}" in namespace "{{ .Release.Namespace }}".

The first instruction:

  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ $full }}
  kubectl -n {{ .Release.Namespace }} port-forward service/{{ $full }} 3000:{{ .Values.service.port | int }} &
  {{- $auth := "" }}
  {{- if .Values.auth.anonymous }}
  {{- else }}
  {{- $ref := (include "baton.tokensRef" . | fromJson).secretKeyRef }}
  TOKEN=$(kubectl -n {{ .Release.Namespace }} get secret {{ $ref.name }} -o jsonpath='{.data.{{ $ref.key | replace "." "\\." }}}' | base64 -d | sed 's/[: ].*//;q')
  {{- $auth = " -H \"authorization: Bearer $TOKEN\"" }}
  {{- end }}
  curl{{ $auth }} -X PUT http://127.0.0.1:3000/v1/containers/c-1
  curl{{ $auth }} -H 'content-type: application/json' -d '{"text":"say hello"}' \
    http://127.0.0.1:3000/v1/containers/c-1/instructions
  curl{{ $auth }} -N 'http://127.0.0.1:3000/v1/containers/c-1/events/stream?afterSeq=0'

How long the end of a pod may take:
{{ range (include "baton.terms" . | fromJson).terms }}
  {{ printf "%-16s %6s s" .name (toJson .seconds) }}
{{- end }}
  {{ printf "%-16s %6s s" "sum" (include "baton.neededSeconds" .) }}   terminationGracePeriodSeconds is {{ $grace }}

An upgrade that waits (--wait) needs time for new pods to start and old ones to end:

  helm upgrade {{ .Release.Name }} ./helm -n {{ .Release.Namespace }} --reuse-values --wait --timeout {{ add $grace (mul 60 (max 1 $replicas)) }}s
{{ if .Values.auth.anonymous }}
! Everybody who reaches the Service may use it: there is no authentication.
{{- end }}
{{- if include "baton.hasBundledRedis" . }}
! The bundled Redis is for trials: one pod, no failover. In production set redis.url or redis.existingSecret.
{{- end }}
{{- if not (include "baton.isShared" .) }}
! workspaces.accessMode is None: one replica, and the files and sessions of the agents are lost with their pod. An
  instruction that was running then starts again in a fresh session.
{{- else if include "baton.isOneNode" . }}
! The workspaces are ReadWriteOnce: all pods run on one node, and go with it. ReadWriteMany spreads them.
{{- end }}
{{- if dig "limits" "cpu" "" .Values.resources }}
! resources.limits.cpu: a pod whose heartbeat is throttled looks dead to the others.
{{- end }}

helm uninstall leaves these volume claims:
{{- if and (include "baton.isShared" .) (not .Values.workspaces.existingClaim) .Values.workspaces.keep }}
  {{ include "baton.workspacesClaim" . }}
{{- end }}
{{- if include "baton.hasBundledRedis" . }}
  data-{{ $full }}-redis-0
{{- end }}
{{- end }}
