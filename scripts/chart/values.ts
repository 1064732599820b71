import { type TSchema, Type } from 'typebox'
import {
  object,
  text,
  oneOf,
  flag,
  count,
  decided,
  map,
  texts,
  free,
  frees,
  name,
  secretName,
  quantity,
  port,
  image,
  volume,
  resources,
  probe,
} from './forms.ts'
import { presets } from './presets.ts'

/** The chart's own values; `config` is added from the settings of the service. */
export const ownValues: Record<string, TSchema> = {
  nameOverride: text('', 'Instead of the name of the chart, in names and labels.', {
    pattern: name,
    maxLength: 40,
  }),
  fullnameOverride: text('', 'Instead of release and chart, as the name of every object.', {
    pattern: name,
    maxLength: 40,
  }),
  image: image('docker.io/baton/baton', '', "; empty: the chart's appVersion"),
  imagePullSecrets: frees('Secrets for private registries, `- name: ...`.'),
  replicas: decided(
    '2, or 1 without a shared workspace',
    0,
    100,
    'Pods; not together with `autoscaling` or `keda`, which decide it.',
  ),
  ports: object('Ports of the container.', {
    http: port(3000, 'API, WebSocket and probes.'),
    metrics: port(
      9090,
      'Metrics and probes, behind no Ingress and no token; null: metrics are on `http`, with a token.',
    ),
  }),
  auth: object('Who may call. Without any of these the chart makes a token and keeps it across upgrades.', {
    tokens: text(
      '',
      'Tokens of at least 16 characters, separated by spaces: `token`, `token:read`, `token:write` or `token:write:c-1,c-2`.',
      { pattern: '^\\s*([A-Za-z0-9._~+/=-]{16,}(:(read|write)(:[A-Za-z0-9._,-]+)?)?(\\s+|$))*$' },
    ),
    existingSecret: text('', 'A Secret that has them, instead.', { pattern: secretName }),
    existingSecretKey: text('API_TOKENS', 'Its key.'),
    anonymous: flag(
      false,
      'Serve everybody who reaches the Service. Not with an Ingress, HTTPRoute or LoadBalancer.',
    ),
  }),
  redis: object('The Redis that holds queues and journal.', {
    url: text('', 'An external one, `redis://...` or `rediss://...`; kept in a Secret.', {
      pattern: '^(rediss?://[^\\s]+)?$',
    }),
    existingSecret: text('', 'A Secret that has the URL, instead.', { pattern: secretName }),
    existingSecretKey: text('REDIS_URL', 'Its key.'),
    bundled: object('A small one of our own, for trials: one pod, append-only file, a volume, no failover.', {
      enabled: Type.Boolean({
        description: 'Run it.',
        $comment: 'true unless `url` or `existingSecret` is set',
      }),
      image: image('docker.io/library/redis', '7', ''),
      password: text('', 'Its password, letters and digits; empty: the chart makes one and keeps it.', {
        pattern: '^[A-Za-z0-9]*$',
      }),
      ...volume('1Gi'),
      resources: resources('50m', '64Mi', '512Mi'),
    }),
  }),
  workspaces: object(
    'The volume of the working directories. Agents are processes of the pod, so that every pod needs the same one.',
    {
      accessMode: oneOf(
        ['ReadWriteOnce', 'ReadWriteMany', 'None'],
        'ReadWriteOnce',
        '`ReadWriteOnce`: all pods on one node. `ReadWriteMany`: spread over the nodes. `None`: no volume, one replica, and the files of an agent are lost with its pod.',
      ),
      existingClaim: text(
        '',
        'A PersistentVolumeClaim that exists; `accessMode` says how it can be mounted.',
        {
          pattern: secretName,
        },
      ),
      ...volume('10Gi'),
      keep: flag(true, 'Leave the claim when the release is uninstalled.'),
    },
  ),
  data: object('SQLite lives on an emptyDir: a new pod fills it again from the journal.', {
    sizeLimit: text('2Gi', 'Most that it may take.', { pattern: quantity }),
  }),
  loadBalancer: object(
    'What stands in front of the pods decides how long a pod that ends must go on serving.',
    {
      preset: oneOf(
        Object.keys(presets),
        'clusterip',
        'Sets preStop sleep, drain window, keep-alive and annotations.',
      ),
      preStopSeconds: decided(
        "the preset's",
        0,
        600,
        'Sleep before the signal, while the pod still counts as ready.',
      ),
    },
  ),
  terminationGracePeriodSeconds: decided(
    'the sum of preStop sleep, every step of the shutdown and 5 s',
    1,
    100_000,
    'A smaller number than the sum fails to render.',
  ),
  service: object('The Service.', {
    type: Type.String({
      enum: ['ClusterIP', 'NodePort', 'LoadBalancer'],
      description: 'Its type.',
      $comment: "the preset's",
    }),
    port: port(80, 'Its port.'),
    nodePort: decided('not set', 1, 65_535, 'Port on every node, for the types that have one.'),
    annotations: map("Added to the preset's."),
    trafficDistribution: oneOf(
      ['', 'PreferClose', 'PreferSameZone', 'PreferSameNode'],
      '',
      'Prefer near pods.',
    ),
  }),
  ingress: object('An Ingress; WebSocket and event streams go through it.', {
    enabled: flag(false, 'Make one.'),
    className: text('', 'IngressClass.'),
    annotations: map("Added to the preset's."),
    hosts: texts('Host names; empty: any.'),
    path: text('/', 'Path prefix.', { pattern: '^/' }),
    tls: frees('As in an Ingress.'),
  }),
  httpRoute: object(
    'An HTTPRoute of the Gateway API, without a timeout: WebSocket and event streams stay open.',
    {
      enabled: flag(false, 'Make one.'),
      annotations: map('Annotations.'),
      parentRefs: frees('The gateways, `- name: ...`.'),
      hostnames: texts('Host names; empty: any.'),
    },
  ),
  probes: object('Liveness never depends on Redis. The service itself has the answers.', {
    startup: probe(1, 5, 120, 'Startup.'),
    liveness: probe(10, 5, 3, 'Liveness.'),
    readiness: probe(2, 2, 2, 'Readiness; period times threshold must be below the drain window.'),
  }),
  podDisruptionBudget: object('Holds back a drain of nodes that would take too many pods at once.', {
    enabled: Type.Boolean({
      description:
        'Make one. Not with a ReadWriteOnce workspace: its pods cannot go to another node one by one.',
      $comment: 'true for several pods with a ReadWriteMany workspace',
    }),
    minAvailable: decided('not set', 1, 100, 'Pods that must stay, instead of `maxUnavailable`.'),
    maxUnavailable: decided('1', 1, 100, 'Pods that may go at once.'),
  }),
  autoscaling: object('A HorizontalPodAutoscaler.', {
    enabled: flag(false, 'Make one; no `replicas` is rendered then.'),
    minReplicas: count(2, 1, 100, 'Least pods.'),
    maxReplicas: count(6, 1, 100, 'Most pods.'),
    targetCPUUtilizationPercentage: count(70, 0, 1000, 'Of the CPU request; 0: not used.'),
    targetMemoryUtilizationPercentage: count(0, 0, 1000, 'Of the memory request; 0: not used.'),
    behavior: free('As in a HorizontalPodAutoscaler.', {
      scaleDown: { stabilizationWindowSeconds: 300 },
    }),
  }),
  keda: object('A ScaledObject of KEDA.', {
    enabled: flag(false, 'Make one; no `replicas` is rendered then.'),
    minReplicas: count(2, 1, 100, 'Least pods.'),
    maxReplicas: count(6, 1, 100, 'Most pods.'),
    triggers: frees('Its triggers; the query `max(baton_queue_depth)` of Prometheus counts what waits.'),
  }),
  networkPolicy: object('Redis answers only the pods of this release; who may call them.', {
    enabled: flag(true, 'Make NetworkPolicies, where the cluster enforces them.'),
    from: frees('Peers that may call the pods, as in a NetworkPolicy; empty: all.'),
  }),
  prometheusAnnotations: flag(true, 'Annotate the pods with `prometheus.io/scrape`, port and path.'),
  serviceMonitor: object('For the Prometheus Operator.', {
    enabled: flag(false, 'Make one.'),
    interval: text('15s', 'Time between two scrapes.', { pattern: '^[0-9]+(ms|s|m)$' }),
    labels: map('Labels that the operator selects by.'),
  }),
  prometheusRule: object('Recording and alerting rules for the Prometheus Operator.', {
    enabled: flag(false, 'Make one.'),
    labels: map('Labels that the operator selects by.'),
    runbookUrl: text('deploy/runbooks.md', 'Where the runbooks are; an alert adds `#<its name>`.'),
  }),
  dashboard: object('The Grafana dashboard, in a ConfigMap for the sidecar of Grafana.', {
    enabled: flag(false, 'Make one.'),
    labels: map('Labels that the sidecar selects by.', { grafana_dashboard: '1' }),
  }),
  serviceAccount: object('The pods get no token of it.', {
    create: flag(true, 'Make one.'),
    name: text('', 'Its name; empty: as the other objects, or `default`.', { pattern: secretName }),
    annotations: map('Annotations.'),
  }),
  resources: resources('250m', '512Mi', '4Gi'),
  revisionHistoryLimit: count(5, 0, 100, 'Old ReplicaSets to keep for a rollback.'),
  podAnnotations: map('Annotations of the pods.'),
  podLabels: map('Labels of the pods.'),
  podSecurityContext: free('Of the pods; the restricted Pod Security Standard.', {
    runAsNonRoot: true,
    runAsUser: 10_001,
    runAsGroup: 10_001,
    fsGroup: 10_001,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: free('Of the containers; the restricted Pod Security Standard.', {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  nodeSelector: map('Labels of the nodes to run on.'),
  tolerations: frees('As in a pod.'),
  affinity: free('As in a pod; a ReadWriteOnce workspace adds the affinity of the pods to each other.'),
  topologySpreadConstraints: frees('As in a pod; empty: spread over nodes with a ReadWriteMany workspace.'),
  priorityClassName: text('', 'PriorityClass of the pods.'),
  extraEnv: frees(
    'Variables of the container, `name` with `value` or `valueFrom`; they win over the chart, without a double.',
  ),
  extraEnvFrom: frees('`envFrom` of the container, for example a Secret with `ANTHROPIC_API_KEY`.'),
  extraVolumes: frees('Volumes of the pods.'),
  extraVolumeMounts: frees('Mounts of the container.'),
  extraObjects: Type.Array(Type.Union([Type.Object({}, { additionalProperties: true }), Type.String()]), {
    default: [],
    description: 'More objects of the release, as maps or as text; both may use template expressions.',
  }),
  testPod: object('The pod of `helm test`.', {
    resources: resources('50m', '64Mi', '256Mi'),
  }),
}
