{{/* The variables that are not in the ConfigMap; `extraEnv` wins over them, and none is there twice. */}}
{{- define "baton.env" -}}
{{- $full := include "baton.fullname" . -}}
{{- $env := list (dict "name" "POD_NAME" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name"))) -}}
{{- $env = append $env (dict "name" "TERMINATION_GRACE_PERIOD_SECONDS" "value" (include "baton.graceSeconds" .)) -}}
{{- if not .Values.auth.anonymous -}}
{{- $env = append $env (dict "name" "API_TOKENS" "valueFrom" (include "baton.tokensRef" . | fromJson)) -}}
{{- end -}}
{{- if .Values.redis.existingSecret -}}
{{- $ref := dict "name" .Values.redis.existingSecret "key" .Values.redis.existingSecretKey -}}
{{- $env = append $env (dict "name" "REDIS_URL" "valueFrom" (dict "secretKeyRef" $ref)) -}}
{{- else if .Values.redis.url -}}
{{- $env = append $env (dict "name" "REDIS_URL" "valueFrom" (dict "secretKeyRef" (dict "name" $full "key" "REDIS_URL"))) -}}
{{- else -}}
{{- $ref := dict "name" $full "key" "REDIS_PASSWORD" -}}
{{- $env = append $env (dict "name" "REDIS_PASSWORD" "valueFrom" (dict "secretKeyRef" $ref)) -}}
{{- $env = append $env (dict "name" "REDIS_URL" "value" (printf "redis://:$(REDIS_PASSWORD)@%s-redis:6379" $full)) -}}
{{- end -}}
{{- $own := dict -}}
{{- range .Values.extraEnv }}{{ $_ := set $own .name . }}{{ end -}}
{{- $kept := list -}}
{{- range $env -}}
{{- if not (or (hasKey $own .name) (hasKey $own (printf "%s_FILE" .name))) }}{{ $kept = append $kept . }}{{ end -}}
{{- end -}}
{{- range .Values.extraEnv -}}
{{- if hasKey $own .name }}{{ $kept = append $kept (get $own .name) }}{{ $_ := unset $own .name }}{{ end -}}
{{- end -}}
{{ dict "env" $kept | toJson }}
{{- end }}

{{- define "baton.tokensRef" -}}
{{- $name := default (include "baton.fullname" .) .Values.auth.existingSecret -}}
{{- $key := ternary .Values.auth.existingSecretKey "API_TOKENS" (ne .Values.auth.existingSecret "") -}}
{{ dict "secretKeyRef" (dict "name" $name "key" $key) | toJson }}
{{- end }}

{{/* The settings that are no secret, as text. */}}
{{- define "baton.settings" -}}
{{- $settings := dict "HOST" "0.0.0.0" "PORT" (.Values.ports.http | toJson) "DATA_DIR" "/data" "WORKSPACES_DIR" "/workspaces" -}}
{{- if hasKey .Values.ports "metrics" }}{{ $_ := set $settings "METRICS_PORT" (.Values.ports.metrics | toJson) }}{{ end -}}
{{- if .Values.auth.anonymous }}{{ $_ := set $settings "ALLOW_ANONYMOUS" "true" }}{{ end -}}
{{- range $name, $value := include "baton.config" . | fromJson -}}
{{- $_ := set $settings $name (ternary $value (toJson $value) (kindIs "string" $value)) -}}
{{- end -}}
{{ toYaml $settings }}
{{- end }}
