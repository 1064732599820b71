{{/* Every contradiction of the values ends the render with its one sentence; all of them are said at once. */}}
{{- define "baton.contradictions" -}}
{{- $values := .Values -}}
{{- $preset := include "baton.preset" . | fromJson -}}
{{- $config := include "baton.config" . | fromJson -}}
{{- $said := list -}}

{{- $grace := include "baton.graceSeconds" . | int -}}
{{- $needed := include "baton.neededSeconds" . | int -}}
{{- if lt $grace $needed -}}
{{- $said = append $said (printf "terminationGracePeriodSeconds: %d is too short for a shutdown, which may take %d s = %s." $grace $needed (include "baton.sum" .)) -}}
{{- end -}}

{{- if and $values.autoscaling.enabled $values.keda.enabled -}}
{{- $said = append $said "autoscaling and keda would both set the number of pods: enable one of them." -}}
{{- end -}}
{{- if and (hasKey $values "replicas") (include "baton.hasAutoscaler" .) -}}
{{- $said = append $said (printf "replicas: %d would be overruled by %s: leave it out." (int $values.replicas) (ternary "autoscaling" "keda" $values.autoscaling.enabled)) -}}
{{- end -}}
{{- range $name := list "autoscaling" "keda" -}}
{{- $scaler := index $values $name -}}
{{- if and $scaler.enabled (gt (int $scaler.minReplicas) (int $scaler.maxReplicas)) -}}
{{- $said = append $said (printf "%s: minReplicas %d is more than maxReplicas %d." $name (int $scaler.minReplicas) (int $scaler.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (eq (int $values.autoscaling.targetCPUUtilizationPercentage) 0) (eq (int $values.autoscaling.targetMemoryUtilizationPercentage) 0) -}}
{{- $said = append $said "autoscaling has no target: set targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage." -}}
{{- end -}}
{{- if and $values.keda.enabled (not $values.keda.triggers) -}}
{{- $said = append $said "keda has no trigger: set keda.triggers." -}}
{{- end -}}

{{- $most := include "baton.mostReplicas" . | int -}}
{{- if and (not (include "baton.isShared" .)) (gt $most 1) -}}
{{- $said = append $said (printf "%d replicas need a shared workspace, and workspaces.accessMode is None: a pod could not go on with the files of another." $most) -}}
{{- end -}}
{{- if and (not (include "baton.isShared" .)) $values.workspaces.existingClaim -}}
{{- $said = append $said "workspaces.existingClaim is set, and workspaces.accessMode None mounts no claim: say ReadWriteOnce or ReadWriteMany." -}}
{{- end -}}
{{- $budget := $values.podDisruptionBudget -}}
{{- if and (dig "enabled" false $budget) (include "baton.isOneNode" .) -}}
{{- $said = append $said "podDisruptionBudget would hold the drain of a node back for ever: the pods of a ReadWriteOnce workspace cannot go to another node one by one." -}}
{{- end -}}
{{- if and (hasKey $budget "minAvailable") (hasKey $budget "maxUnavailable") -}}
{{- $said = append $said "podDisruptionBudget takes minAvailable or maxUnavailable, not both." -}}
{{- end -}}
{{- if and (include "baton.hasBudget" .) (hasKey $budget "minAvailable") -}}
{{- $least := ternary (int $values.autoscaling.minReplicas) (ternary (int $values.keda.minReplicas) (include "baton.replicas" . | int) $values.keda.enabled) $values.autoscaling.enabled -}}
{{- if ge (int $budget.minAvailable) $least -}}
{{- $said = append $said (printf "podDisruptionBudget.minAvailable: %d of %d replicas would hold every drain of a node back for ever." (int $budget.minAvailable) $least) -}}
{{- end -}}
{{- end -}}

{{- $redis := $values.redis -}}
{{- if and (dig "enabled" false $redis.bundled) (or $redis.url $redis.existingSecret) -}}
{{- $said = append $said (printf "redis.bundled.enabled and redis.%s are two Redis at once: leave one out." (ternary "url" "existingSecret" (ne $redis.url ""))) -}}
{{- end -}}
{{- if and $redis.url $redis.existingSecret -}}
{{- $said = append $said "redis.url and redis.existingSecret are two Redis at once: leave one out." -}}
{{- end -}}
{{- if not (or (include "baton.hasBundledRedis" .) $redis.url $redis.existingSecret) -}}
{{- $said = append $said "There is no Redis: redis.bundled is off, and neither redis.url nor redis.existingSecret is set." -}}
{{- end -}}

{{- $auth := $values.auth -}}
{{- if $auth.anonymous -}}
{{- range $name, $isOpen := dict "an Ingress" $values.ingress.enabled "an HTTPRoute" $values.httpRoute.enabled "a Service of type LoadBalancer" (eq (include "baton.serviceType" $) "LoadBalancer") -}}
{{- if $isOpen -}}
{{- $said = append $said (printf "auth.anonymous with %s would give everybody outside the cluster a shell: leave one out." $name) -}}
{{- end -}}
{{- end -}}
{{- if or $auth.tokens $auth.existingSecret -}}
{{- $said = append $said "auth.anonymous and tokens contradict each other: leave one out." -}}
{{- end -}}
{{- end -}}
{{- if and $auth.anonymous $config.JWT_ISSUER -}}
{{- $said = append $said "auth.anonymous and config.JWT_ISSUER contradict each other: leave one out." -}}
{{- end -}}
{{- if and $config.JWT_ISSUER (not $config.JWT_AUDIENCE) -}}
{{- $said = append $said "config.JWT_ISSUER needs config.JWT_AUDIENCE: a token for another service would do else." -}}
{{- end -}}
{{- range list "JWT_AUDIENCE" "JWT_JWKS_URL" -}}
{{- if and (get $config .) (not $config.JWT_ISSUER) -}}
{{- $said = append $said (printf "config.%s is of no use without config.JWT_ISSUER." .) -}}
{{- end -}}
{{- end -}}
{{- if and $auth.tokens $auth.existingSecret -}}
{{- $said = append $said "auth.tokens and auth.existingSecret are both set: leave one out." -}}
{{- end -}}

{{- if eq (int $values.ports.http) (dig "metrics" 0 $values.ports | int) -}}
{{- $said = append $said (printf "ports.http and ports.metrics are both %d: two listeners need two ports." (int $values.ports.http)) -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled (not (include "baton.hasOpenMetrics" .)) -}}
{{- $said = append $said "serviceMonitor needs ports.metrics: on ports.http the metrics need a token." -}}
{{- end -}}
{{- if and (hasKey $values.service "nodePort") (eq (include "baton.serviceType" .) "ClusterIP") -}}
{{- $said = append $said "service.nodePort needs service.type NodePort or LoadBalancer." -}}
{{- end -}}

{{- $preStop := include "baton.preStopSeconds" . | float64 -}}
{{- $drain := include "baton.number" (dict "root" . "name" "DRAIN_SECONDS") | float64 -}}
{{- if ne $values.loadBalancer.preset "custom" -}}
{{- if lt (addf $preStop $drain) (addf $preset.preStopSeconds $preset.drainSeconds) -}}
{{- $said = append $said (printf "The drain window, preStop sleep %s s + DRAIN_SECONDS %s s, is shorter than the %s s of the preset %s: raise it, or say loadBalancer.preset: custom." (toJson $preStop) (toJson $drain) (addf $preset.preStopSeconds $preset.drainSeconds | toJson) $values.loadBalancer.preset) -}}
{{- end -}}
{{- if lt ($config.KEEP_ALIVE_SECONDS | float64) ($preset.keepAliveSeconds | float64) -}}
{{- $said = append $said (printf "KEEP_ALIVE_SECONDS %s is less than the %s of the preset %s, whose idle connections we must not close first: raise it, or say loadBalancer.preset: custom." (toJson $config.KEEP_ALIVE_SECONDS) (toJson $preset.keepAliveSeconds) $values.loadBalancer.preset) -}}
{{- end -}}
{{- end -}}
{{- $readiness := $values.probes.readiness -}}
{{- $noticed := mul (int $readiness.periodSeconds) (int $readiness.failureThreshold) -}}
{{- if and (gt $drain 0.0) (ge (float64 $noticed) $drain) -}}
{{- $said = append $said (printf "The readiness probe needs %d s (period %d x threshold %d) to notice, and the drain window DRAIN_SECONDS is %s s: make it shorter than that." $noticed (int $readiness.periodSeconds) (int $readiness.failureThreshold) (toJson $drain)) -}}
{{- end -}}

{{- if gt (include "baton.number" (dict "root" . "name" "MAX_INSTRUCTION_BYTES") | int) (include "baton.number" (dict "root" . "name" "MAX_BODY_BYTES") | int) -}}
{{- $said = append $said "config.MAX_INSTRUCTION_BYTES is more than config.MAX_BODY_BYTES: no request could carry it." -}}
{{- end -}}
{{- range $values.extraEnv -}}
{{- if not .name -}}
{{- $said = append $said "extraEnv: an entry has no name." -}}
{{- else if has .name (list "DRAIN_SECONDS" "WORKERS_BUDGET_SECONDS") -}}
{{- $said = append $said (printf "extraEnv: %s belongs in config, where the grace period is computed from it." .name) -}}
{{- else if has .name (list "PORT" "METRICS_PORT" "TERMINATION_GRACE_PERIOD_SECONDS") -}}
{{- $said = append $said (printf "extraEnv: %s is the chart's: set %s." .name (get (dict "PORT" "ports.http" "METRICS_PORT" "ports.metrics" "TERMINATION_GRACE_PERIOD_SECONDS" "terminationGracePeriodSeconds") .name)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- $said = append $said "httpRoute has no gateway: set httpRoute.parentRefs." -}}
{{- end -}}

{{- if $said -}}
{{- fail (printf "\n\n%s\n" (join "\n" $said)) -}}
{{- end -}}
{{- end }}
