{{- define "baton.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end }}

{{/* At most 40 characters, so that every name made of it stays within 63. What is cut off is told apart by a hash. */}}
{{- define "baton.fullname" -}}
{{- $name := include "baton.name" . -}}
{{- $full := .Values.fullnameOverride -}}
{{- if not $full -}}
{{- $full = ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- end -}}
{{- if gt (len $full) 40 -}}
{{- $full = printf "%s-%s" ($full | trunc 31 | trimSuffix "-") ($full | sha256sum | trunc 8) -}}
{{- end -}}
{{- $full -}}
{{- end }}

{{- define "baton.selector" -}}
app.kubernetes.io/name: {{ include "baton.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "baton.redisSelector" -}}
app.kubernetes.io/name: {{ include "baton.name" . }}-redis
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "baton.testSelector" -}}
app.kubernetes.io/name: {{ include "baton.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "baton.commonLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "baton.name" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- define "baton.labels" -}}
{{ include "baton.selector" . }}
{{ include "baton.commonLabels" . }}
{{- end }}

{{- define "baton.serviceAccountName" -}}
{{- $own := ternary (include "baton.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end }}

{{/* An image: values `repository`, `tag`, `digest`, and the tag to use without one. */}}
{{- define "baton.image" -}}
{{- $tag := default .default .image.tag -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ $tag }}
{{- end -}}
{{- end }}
