{{/* A ReadWriteOnce volume is on one node: the pods require each other there, beside what the values ask for. */}}
{{- define "baton.affinity" -}}
{{- $affinity := deepCopy .Values.affinity -}}
{{- if include "baton.isOneNode" . -}}
{{- $together := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "baton.selector" . | fromYaml)) -}}
{{- $pods := default (dict) (get $affinity "podAffinity") -}}
{{- $required := append (default (list) (get $pods "requiredDuringSchedulingIgnoredDuringExecution")) $together -}}
{{- $_ := set $pods "requiredDuringSchedulingIgnoredDuringExecution" $required -}}
{{- $_ := set $affinity "podAffinity" $pods -}}
{{- end -}}
{{ $affinity | toJson }}
{{- end }}

{{/* `matchLabelKeys` counts only the pods of one revision, so that a rolling update ends as even as it began. */}}
{{- define "baton.spread" -}}
{{- $constraints := .Values.topologySpreadConstraints -}}
{{- if and (not $constraints) (eq .Values.workspaces.accessMode "ReadWriteMany") -}}
{{- $selector := dict "matchLabels" (include "baton.selector" . | fromYaml) -}}
{{- $common := dict "maxSkew" 1 "whenUnsatisfiable" "ScheduleAnyway" "labelSelector" $selector "matchLabelKeys" (list "pod-template-hash") -}}
{{- $constraints = list (merge (dict "topologyKey" "kubernetes.io/hostname") $common) (merge (dict "topologyKey" "topology.kubernetes.io/zone") $common) -}}
{{- end -}}
{{ dict "constraints" $constraints | toJson }}
{{- end }}
