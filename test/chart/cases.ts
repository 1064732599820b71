import { settings } from '../../src/config.ts'
import type { Json, Values } from './support.ts'

export interface Case {
  title: string
  values: Values
  kind: string
  name?: string
  /** See `at` in support.ts. */
  path: string
  is: Json
  apis?: string[]
}

const pod = 'spec.template.spec'
const container = `${pod}.containers.0`
const many = { accessMode: 'ReadWriteMany' }
const digest = `sha256:${'a'.repeat(64)}`

/** One effect of one set of values, on the object of a kind (named `baton` unless said otherwise). */
function effect(values: Values, kind: string, path: string, is: Json, name?: string): Case {
  return { title: JSON.stringify(values), values, kind, path, is, ...(name === undefined ? {} : { name }) }
}
const onPods = (values: Values, path: string, is: Json) => effect(values, 'Deployment', `${pod}.${path}`, is)
const onContainer = (values: Values, path: string, is: Json) =>
  effect(values, 'Deployment', `${container}.${path}`, is)
const onRedis = (values: Values, path: string, is: Json) =>
  effect(values, 'StatefulSet', path, is, 'baton-redis')

const keda = { enabled: true, triggers: [{ type: 'cron', metadata: { start: '0 8 * * *' } }] }
const external = { url: 'rediss://user:p%40ss@redis.example.com:6380/0' }
const peer = { namespaceSelector: { matchLabels: { team: 'a' } } }
const selector = { 'app.kubernetes.io/name': 'baton', 'app.kubernetes.io/instance': 'baton' }
const together = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: selector } }
const apart = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } }

export const defaults: Case[] = [
  effect({}, 'Deployment', 'spec.replicas', 2),
  effect({}, 'Deployment', 'spec.strategy', {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
  }),
  onPods({}, 'terminationGracePeriodSeconds', 64),
  onPods({}, 'automountServiceAccountToken', false),
  onPods({}, 'enableServiceLinks', false),
  onPods({}, 'securityContext.runAsNonRoot', true),
  onPods({}, 'securityContext.seccompProfile.type', 'RuntimeDefault'),
  onPods({}, 'affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution', [together]),
  onPods({}, 'topologySpreadConstraints', undefined),
  onPods({}, 'volumes.[workspaces].persistentVolumeClaim.claimName', 'baton-workspaces'),
  onPods({}, 'volumes.[tmp].emptyDir', {}),
  onContainer({}, 'image', 'docker.io/baton/baton:0.1.0'),
  onContainer({}, 'lifecycle.preStop', { sleep: { seconds: 5 } }),
  onContainer({}, 'securityContext.readOnlyRootFilesystem', true),
  onContainer({}, 'securityContext.allowPrivilegeEscalation', false),
  onContainer({}, 'securityContext.capabilities', { drop: ['ALL'] }),
  onContainer({}, 'livenessProbe.httpGet', { path: '/livez', port: 'http' }),
  onContainer({}, 'readinessProbe.httpGet', { path: '/readyz', port: 'http' }),
  onContainer({}, 'startupProbe.httpGet', { path: '/startupz', port: 'http' }),
  onContainer({}, 'resources.limits.cpu', undefined),
  onContainer({}, 'env.[POD_NAME].valueFrom.fieldRef.fieldPath', 'metadata.name'),
  onContainer({}, 'env.[REDIS_URL].value', 'redis://:$(REDIS_PASSWORD)@baton-redis:6379'),
  onContainer({}, 'envFrom', [{ configMapRef: { name: 'baton' } }]),
  effect({}, 'ConfigMap', 'data.HOST', '0.0.0.0'),
  effect({}, 'ConfigMap', 'data.DATA_DIR', '/data'),
  effect({}, 'ConfigMap', 'data.WORKSPACES_DIR', '/workspaces'),
  effect({}, 'ConfigMap', 'data.METRICS_PORT', undefined),
  effect({}, 'PersistentVolumeClaim', 'spec.accessModes', ['ReadWriteOnce'], 'baton-workspaces'),
  effect({}, 'Service', 'spec.ports', [{ name: 'http', port: 80, targetPort: 'http' }]),
  effect({}, 'Service', 'spec.selector', selector),
  onRedis({}, `${pod}.automountServiceAccountToken`, false),
  onRedis({}, `${pod}.securityContext.runAsNonRoot`, true),
  onRedis({}, `${container}.securityContext.readOnlyRootFilesystem`, true),
  onRedis({}, `${container}.securityContext.capabilities`, { drop: ['ALL'] }),
  effect({}, 'Pod', 'spec.automountServiceAccountToken', false, 'baton-test'),
  effect({}, 'Pod', 'spec.securityContext.seccompProfile.type', 'RuntimeDefault', 'baton-test'),
  effect({}, 'Pod', 'spec.containers.0.securityContext.capabilities', { drop: ['ALL'] }, 'baton-test'),
  effect({}, 'Pod', 'metadata.annotations.helm\\.sh/hook', 'test', 'baton-test'),
]

const image: Case[] = [
  effect(
    { nameOverride: 'hand' },
    'Service',
    'spec.selector.app\\.kubernetes\\.io/name',
    'hand',
    'baton-hand',
  ),
  effect({ fullnameOverride: 'other' }, 'Deployment', 'metadata.name', 'other', 'other'),
  onContainer({ image: { repository: 'localhost:5000/me/baton' } }, 'image', 'localhost:5000/me/baton:0.1.0'),
  onContainer({ image: { tag: 'dev' } }, 'image', 'docker.io/baton/baton:dev'),
  onContainer({ image: { digest } }, 'image', `docker.io/baton/baton@${digest}`),
  onContainer({ image: { tag: 'dev', digest } }, 'image', `docker.io/baton/baton@${digest}`),
  onContainer({ image: { pullPolicy: 'Always' } }, 'imagePullPolicy', 'Always'),
  effect(
    { image: { tag: 'dev' } },
    'Pod',
    'spec.containers.0.image',
    'docker.io/baton/baton:dev',
    'baton-test',
  ),
  onPods({ imagePullSecrets: [{ name: 'registry' }] }, 'imagePullSecrets', [{ name: 'registry' }]),
  onRedis({ imagePullSecrets: [{ name: 'registry' }] }, `${pod}.imagePullSecrets`, [{ name: 'registry' }]),
]

const scale: Case[] = [
  effect({ replicas: 3 }, 'Deployment', 'spec.replicas', 3),
  effect({ replicas: 0 }, 'Deployment', 'spec.replicas', 0),
  effect({ workspaces: { accessMode: 'None' } }, 'Deployment', 'spec.replicas', 1),
  effect({ autoscaling: { enabled: true } }, 'Deployment', 'spec.replicas', undefined),
  effect({ keda }, 'Deployment', 'spec.replicas', undefined),
  effect({ autoscaling: { enabled: true } }, 'HorizontalPodAutoscaler', 'spec.scaleTargetRef', {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: 'baton',
  }),
  effect(
    { autoscaling: { enabled: true, minReplicas: 1 } },
    'HorizontalPodAutoscaler',
    'spec.minReplicas',
    1,
  ),
  effect(
    { autoscaling: { enabled: true, maxReplicas: 9 } },
    'HorizontalPodAutoscaler',
    'spec.maxReplicas',
    9,
  ),
  effect(
    { autoscaling: { enabled: true, targetCPUUtilizationPercentage: 55 } },
    'HorizontalPodAutoscaler',
    'spec.metrics.0.resource',
    { name: 'cpu', target: { type: 'Utilization', averageUtilization: 55 } },
  ),
  effect(
    {
      autoscaling: {
        enabled: true,
        targetCPUUtilizationPercentage: 0,
        targetMemoryUtilizationPercentage: 80,
      },
    },
    'HorizontalPodAutoscaler',
    'spec.metrics',
    [
      {
        type: 'Resource',
        resource: { name: 'memory', target: { type: 'Utilization', averageUtilization: 80 } },
      },
    ],
  ),
  effect(
    { autoscaling: { enabled: true, behavior: { scaleUp: { stabilizationWindowSeconds: 5 } } } },
    'HorizontalPodAutoscaler',
    'spec.behavior.scaleUp',
    { stabilizationWindowSeconds: 5 },
  ),
  effect({ keda }, 'ScaledObject', 'spec.triggers', keda.triggers),
  effect({ keda }, 'ScaledObject', 'spec.scaleTargetRef', { name: 'baton' }),
  effect({ keda: { ...keda, minReplicas: 1 } }, 'ScaledObject', 'spec.minReplicaCount', 1),
  effect({ keda: { ...keda, maxReplicas: 9 } }, 'ScaledObject', 'spec.maxReplicaCount', 9),
  effect({ workspaces: many }, 'PodDisruptionBudget', 'spec', {
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
    selector: { matchLabels: selector },
  }),
  effect(
    { workspaces: many, podDisruptionBudget: { maxUnavailable: 2 } },
    'PodDisruptionBudget',
    'spec.maxUnavailable',
    2,
  ),
  effect(
    { workspaces: many, replicas: 3, podDisruptionBudget: { minAvailable: 2 } },
    'PodDisruptionBudget',
    'spec.minAvailable',
    2,
  ),
  effect(
    { workspaces: many, replicas: 1, podDisruptionBudget: { enabled: true } },
    'PodDisruptionBudget',
    'spec.maxUnavailable',
    1,
  ),
]

const ports: Case[] = [
  onContainer({ ports: { http: 8080 } }, 'ports', [{ name: 'http', containerPort: 8080 }]),
  effect({ ports: { http: 8080 } }, 'ConfigMap', 'data.PORT', '8080'),
  effect(
    { ports: { http: 8080 } },
    'Deployment',
    'spec.template.metadata.annotations.prometheus\\.io/port',
    '8080',
  ),
  effect({ ports: { metrics: 9090 } }, 'ConfigMap', 'data.METRICS_PORT', '9090'),
  onContainer({ ports: { metrics: 9090 } }, 'ports.1', { name: 'metrics', containerPort: 9090 }),
  onContainer({ ports: { metrics: 9090 } }, 'livenessProbe.httpGet.port', 'metrics'),
  onContainer({ ports: { metrics: 9090 } }, 'readinessProbe.httpGet.port', 'metrics'),
  onContainer({ ports: { metrics: 9090 } }, 'startupProbe.httpGet.port', 'metrics'),
  effect({ ports: { metrics: 9090 } }, 'Service', 'spec.ports.1', {
    name: 'metrics',
    port: 9090,
    targetPort: 'metrics',
  }),
  effect({ ports: { metrics: 9090 } }, 'NetworkPolicy', 'spec.ingress.1', { ports: [{ port: 'metrics' }] }),
  effect(
    { ports: { metrics: 9090 } },
    'Deployment',
    'spec.template.metadata.annotations.prometheus\\.io/port',
    '9090',
  ),
  effect(
    { ports: { metrics: 9090 }, serviceMonitor: { enabled: true } },
    'ServiceMonitor',
    'spec.endpoints.0.port',
    'metrics',
  ),
  effect(
    { ports: { metrics: 9090 } },
    'Pod',
    'spec.containers.0.env.[BATON_PROBES_URL].value',
    'http://baton:9090',
    'baton-test',
  ),
  onContainer({ probes: { startup: { periodSeconds: 3 } } }, 'startupProbe.periodSeconds', 3),
  onContainer({ probes: { startup: { timeoutSeconds: 3 } } }, 'startupProbe.timeoutSeconds', 3),
  onContainer({ probes: { startup: { failureThreshold: 3 } } }, 'startupProbe.failureThreshold', 3),
  onContainer({ probes: { liveness: { periodSeconds: 3 } } }, 'livenessProbe.periodSeconds', 3),
  onContainer({ probes: { liveness: { timeoutSeconds: 3 } } }, 'livenessProbe.timeoutSeconds', 3),
  onContainer({ probes: { liveness: { failureThreshold: 7 } } }, 'livenessProbe.failureThreshold', 7),
  onContainer({ probes: { readiness: { periodSeconds: 1 } } }, 'readinessProbe.periodSeconds', 1),
  onContainer({ probes: { readiness: { timeoutSeconds: 1 } } }, 'readinessProbe.timeoutSeconds', 1),
  onContainer({ probes: { readiness: { failureThreshold: 1 } } }, 'readinessProbe.failureThreshold', 1),
]

const secrets: Case[] = [
  effect({ auth: { anonymous: true } }, 'ConfigMap', 'data.ALLOW_ANONYMOUS', 'true'),
  onContainer({ auth: { anonymous: true } }, 'env.[API_TOKENS]', undefined),
  effect({ redis: external }, 'Secret', 'data.REDIS_URL', Buffer.from(external.url).toString('base64')),
  onContainer({ redis: external }, 'env.[REDIS_URL].valueFrom.secretKeyRef', {
    name: 'baton',
    key: 'REDIS_URL',
  }),
  onContainer({ redis: external }, 'env.[REDIS_PASSWORD]', undefined),
  onContainer({ redis: { existingSecret: 'mine' } }, 'env.[REDIS_URL].valueFrom.secretKeyRef', {
    name: 'mine',
    key: 'REDIS_URL',
  }),
  onContainer(
    { redis: { existingSecret: 'mine', existingSecretKey: 'url' } },
    'env.[REDIS_URL].valueFrom.secretKeyRef.key',
    'url',
  ),
  effect({ redis: { bundled: { password: 'abc' } } }, 'Secret', 'data.REDIS_PASSWORD', 'YWJj'),
]

const tokens: Case[] = [
  effect({ auth: { tokens: 'abc' } }, 'Secret', 'data.API_TOKENS', 'YWJj'),
  onContainer({ auth: { tokens: 'abc' } }, 'env.[API_TOKENS].valueFrom.secretKeyRef', {
    name: 'baton',
    key: 'API_TOKENS',
  }),
  onContainer({ auth: { existingSecret: 'mine' } }, 'env.[API_TOKENS].valueFrom.secretKeyRef', {
    name: 'mine',
    key: 'API_TOKENS',
  }),
  onContainer(
    { auth: { existingSecret: 'mine', existingSecretKey: 't' } },
    'env.[API_TOKENS].valueFrom.secretKeyRef.key',
    't',
  ),
  onContainer({ extraEnv: [{ name: 'API_TOKENS_FILE', value: '/run/t' }] }, 'env.[API_TOKENS]', undefined),
  effect({ auth: { existingSecret: 'mine' } }, 'Secret', 'data.API_TOKENS', undefined),
  effect({}, 'ConfigMap', 'data.ALLOW_ANONYMOUS', undefined),
]

const redis: Case[] = [
  onRedis({ redis: { bundled: { enabled: true } } }, 'spec.replicas', 1),
  onRedis({ redis: { bundled: { image: { repository: 'valkey' } } } }, `${container}.image`, 'valkey:7'),
  onRedis(
    { redis: { bundled: { image: { tag: '7.4' } } } },
    `${container}.image`,
    'docker.io/library/redis:7.4',
  ),
  onRedis(
    { redis: { bundled: { image: { digest } } } },
    `${container}.image`,
    `docker.io/library/redis@${digest}`,
  ),
  onRedis(
    { redis: { bundled: { image: { pullPolicy: 'Never' } } } },
    `${container}.imagePullPolicy`,
    'Never',
  ),
  onRedis(
    { redis: { bundled: { size: '3Gi' } } },
    'spec.volumeClaimTemplates.0.spec.resources.requests.storage',
    '3Gi',
  ),
  onRedis(
    { redis: { bundled: { storageClass: 'fast' } } },
    'spec.volumeClaimTemplates.0.spec.storageClassName',
    'fast',
  ),
  onRedis(
    { redis: { bundled: { resources: { limits: { memory: '1Gi' } } } } },
    `${container}.resources.limits.memory`,
    '1Gi',
  ),
]

const workspace = (values: Values, path: string, is: Json) =>
  effect({ workspaces: values }, 'PersistentVolumeClaim', path, is, 'baton-workspaces')
const volumes: Case[] = [
  workspace(many, 'spec.accessModes', ['ReadWriteMany']),
  workspace({ size: '3Gi' }, 'spec.resources.requests.storage', '3Gi'),
  workspace({ storageClass: 'nfs' }, 'spec.storageClassName', 'nfs'),
  workspace({ keep: true }, 'metadata.annotations.helm\\.sh/resource-policy', 'keep'),
  workspace({ keep: false }, 'metadata.annotations', undefined),
  onPods(
    { workspaces: { existingClaim: 'files' } },
    'volumes.[workspaces].persistentVolumeClaim.claimName',
    'files',
  ),
  onPods({ workspaces: { accessMode: 'None' } }, 'volumes.[workspaces]', {
    name: 'workspaces',
    emptyDir: {},
  }),
  onPods({ workspaces: { accessMode: 'None' } }, 'affinity', undefined),
  onPods({ workspaces: many }, 'affinity', undefined),
  onPods({ workspaces: many }, 'topologySpreadConstraints.0', {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: selector },
    matchLabelKeys: ['pod-template-hash'],
  }),
  onPods({ data: { sizeLimit: '9Gi' } }, 'volumes.[data].emptyDir.sizeLimit', '9Gi'),
  onPods({ extraVolumes: [{ name: 'x', emptyDir: {} }] }, 'volumes.[x]', { name: 'x', emptyDir: {} }),
  onContainer({ extraVolumeMounts: [{ name: 'x', mountPath: '/x' }] }, 'volumeMounts.[x].mountPath', '/x'),
]

const network: Case[] = [
  onContainer({ loadBalancer: { preStopSeconds: 9 } }, 'lifecycle.preStop.sleep.seconds', 9),
  onContainer({ loadBalancer: { preset: 'custom', preStopSeconds: 0 } }, 'lifecycle', undefined),
  effect({ service: { type: 'NodePort' } }, 'Service', 'spec.type', 'NodePort'),
  effect({ service: { type: 'NodePort', nodePort: 30_080 } }, 'Service', 'spec.ports.0.nodePort', 30_080),
  effect({ service: { port: 8000 } }, 'Service', 'spec.ports.0.port', 8000),
  effect({ service: { annotations: { a: 'b' } } }, 'Service', 'metadata.annotations', { a: 'b' }),
  effect(
    {
      loadBalancer: { preset: 'nlb' },
      service: { annotations: { 'service.beta.kubernetes.io/aws-load-balancer-type': 'mine' } },
    },
    'Service',
    'metadata.annotations.service\\.beta\\.kubernetes\\.io/aws-load-balancer-type',
    'mine',
  ),
  effect(
    { service: { trafficDistribution: 'PreferClose' } },
    'Service',
    'spec.trafficDistribution',
    'PreferClose',
  ),
  effect({ ingress: { enabled: true } }, 'Ingress', 'spec.rules.0.host', undefined),
  effect(
    { ingress: { enabled: true } },
    'Ingress',
    'metadata.annotations.nginx\\.ingress\\.kubernetes\\.io/proxy-read-timeout',
    '3600',
  ),
  effect({ ingress: { enabled: true, className: 'traefik' } }, 'Ingress', 'spec.ingressClassName', 'traefik'),
  effect({ ingress: { enabled: true, annotations: { a: 'b' } } }, 'Ingress', 'metadata.annotations.a', 'b'),
  effect({ ingress: { enabled: true, hosts: ['a.b', 'c.d'] } }, 'Ingress', 'spec.rules.1.host', 'c.d'),
  effect(
    { ingress: { enabled: true, path: '/baton' } },
    'Ingress',
    'spec.rules.0.http.paths.0.path',
    '/baton',
  ),
  effect({ ingress: { enabled: true, tls: [{ secretName: 's' }] } }, 'Ingress', 'spec.tls', [
    { secretName: 's' },
  ]),
  effect({ httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } }, 'HTTPRoute', 'spec.parentRefs', [
    { name: 'g' },
  ]),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } },
    'HTTPRoute',
    'spec.rules.0.timeouts',
    {
      request: '0s',
      backendRequest: '0s',
    },
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], hostnames: ['a.b'] } },
    'HTTPRoute',
    'spec.hostnames',
    ['a.b'],
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], annotations: { a: 'b' } } },
    'HTTPRoute',
    'metadata.annotations',
    { a: 'b' },
  ),
  effect(
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] }, service: { port: 81 } },
    'HTTPRoute',
    'spec.rules.0.backendRefs',
    [{ name: 'baton', port: 81 }],
  ),
  effect({ networkPolicy: { enabled: true } }, 'NetworkPolicy', 'spec.ingress', [
    { ports: [{ port: 'http' }] },
  ]),
  effect({ networkPolicy: { from: [peer] } }, 'NetworkPolicy', 'spec.ingress.0.from.0', peer),
  effect(
    {},
    'NetworkPolicy',
    'spec.ingress.0.from',
    [{ podSelector: { matchLabels: selector } }],
    'baton-redis',
  ),
  {
    ...effect(
      { loadBalancer: { preset: 'gclb' } },
      'BackendConfig',
      'spec.healthCheck.requestPath',
      '/readyz',
    ),
    apis: ['cloud.google.com/v1/BackendConfig'],
  },
  {
    ...effect(
      { loadBalancer: { preset: 'gclb' } },
      'Service',
      'metadata.annotations.cloud\\.google\\.com/backend-config',
      '{"default":"baton"}',
    ),
    apis: ['cloud.google.com/v1/BackendConfig'],
  },
]

const labels = { labels: { release: 'prometheus' } }
const monitoring: Case[] = [
  effect({}, 'Deployment', 'spec.template.metadata.annotations.prometheus\\.io/scrape', 'true'),
  effect(
    { prometheusAnnotations: false },
    'Deployment',
    'spec.template.metadata.annotations.prometheus\\.io/scrape',
    undefined,
  ),
  effect({ serviceMonitor: { enabled: true } }, 'ServiceMonitor', 'spec.selector.matchLabels', selector),
  effect(
    { serviceMonitor: { enabled: true, interval: '1m' } },
    'ServiceMonitor',
    'spec.endpoints.0.interval',
    '1m',
  ),
  effect(
    { serviceMonitor: { enabled: true, ...labels } },
    'ServiceMonitor',
    'metadata.labels.release',
    'prometheus',
  ),
  effect(
    { prometheusRule: { enabled: true } },
    'PrometheusRule',
    'spec.groups.[baton\\.alerts].rules.0.alert',
    'BatonDown',
  ),
  effect(
    { prometheusRule: { enabled: true, ...labels } },
    'PrometheusRule',
    'metadata.labels.release',
    'prometheus',
  ),
  effect(
    { prometheusRule: { enabled: true, runbookUrl: 'https://r.example/b.md' } },
    'PrometheusRule',
    'spec.groups.[baton\\.alerts].rules.0.annotations.runbook_url',
    'https://r.example/b.md#batondown',
  ),
  effect(
    { dashboard: { enabled: true } },
    'ConfigMap',
    'metadata.labels.grafana_dashboard',
    '1',
    'baton-dashboard',
  ),
  effect(
    { dashboard: { enabled: true, labels: { g: '2' } } },
    'ConfigMap',
    'metadata.labels.g',
    '2',
    'baton-dashboard',
  ),
]

const extra: Case[] = [
  effect({ serviceAccount: { create: true } }, 'ServiceAccount', 'automountServiceAccountToken', false),
  effect({ serviceAccount: { name: 'me' } }, 'ServiceAccount', 'metadata.name', 'me', 'me'),
  effect({ serviceAccount: { annotations: { a: 'b' } } }, 'ServiceAccount', 'metadata.annotations', {
    a: 'b',
  }),
  onPods({ serviceAccount: { create: false } }, 'serviceAccountName', 'default'),
  onPods({ serviceAccount: { create: false, name: 'me' } }, 'serviceAccountName', 'me'),
  onContainer({ resources: { requests: { memory: '1Gi' } } }, 'resources.requests.memory', '1Gi'),
  effect({ revisionHistoryLimit: 0 }, 'Deployment', 'spec.revisionHistoryLimit', 0),
  effect({ podAnnotations: { a: 'b' } }, 'Deployment', 'spec.template.metadata.annotations.a', 'b'),
  effect({ podLabels: { a: 'b' } }, 'Deployment', 'spec.template.metadata.labels.a', 'b'),
  effect(
    { podLabels: { 'app.kubernetes.io/name': 'mine' } },
    'Deployment',
    'spec.template.metadata.labels.app\\.kubernetes\\.io/name',
    'baton',
  ),
  onPods({ podSecurityContext: { fsGroup: 5 } }, 'securityContext.fsGroup', 5),
  onContainer({ securityContext: { privileged: false } }, 'securityContext.privileged', false),
  onPods({ nodeSelector: { disk: 'ssd' } }, 'nodeSelector', { disk: 'ssd' }),
  onPods({ tolerations: [{ operator: 'Exists' }] }, 'tolerations', [{ operator: 'Exists' }]),
  onPods({ affinity: apart, workspaces: many }, 'affinity', apart),
  onPods({ affinity: apart }, 'affinity.podAntiAffinity', apart.podAntiAffinity),
  onPods(
    {
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone' }] },
      },
    },
    'affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution',
    [{ topologyKey: 'zone' }, together],
  ),
  onPods(
    { topologySpreadConstraints: [{ topologyKey: 'x' }], workspaces: many },
    'topologySpreadConstraints',
    [{ topologyKey: 'x' }],
  ),
  onPods({ priorityClassName: 'high' }, 'priorityClassName', 'high'),
  onPods({ terminationGracePeriodSeconds: 600 }, 'terminationGracePeriodSeconds', 600),
  onContainer({ extraEnv: [{ name: 'A', value: '1' }] }, 'env.[A].value', '1'),
  onContainer({ extraEnv: [{ name: 'POD_NAME', value: 'me' }] }, 'env.[POD_NAME]', {
    name: 'POD_NAME',
    value: 'me',
  }),
  onContainer({ extraEnv: [{ name: 'REDIS_URL_FILE', value: '/run/redis' }] }, 'env.[REDIS_URL]', undefined),
  onContainer({ extraEnvFrom: [{ secretRef: { name: 'key' } }] }, 'envFrom.1', {
    secretRef: { name: 'key' },
  }),
  effect(
    {
      extraObjects: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Release.Name }}-mine' } }],
    },
    'ConfigMap',
    'metadata.name',
    'baton-mine',
    'baton-mine',
  ),
  effect(
    {
      extraObjects: [
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ include "baton.fullname" . }}-text}',
      ],
    },
    'ConfigMap',
    'metadata.name',
    'baton-text',
    'baton-text',
  ),
  effect(
    { testPod: { resources: { limits: { memory: '99Mi' } } } },
    'Pod',
    'spec.containers.0.resources.limits.memory',
    '99Mi',
    'baton-test',
  ),
]

export const cases: Case[] = [
  ...defaults,
  ...image,
  ...scale,
  ...ports,
  ...secrets,
  ...('API_TOKENS' in settings.properties ? tokens : []),
  ...redis,
  ...volumes,
  ...network,
  ...monitoring,
  ...extra,
]
