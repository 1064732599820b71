import { type Case, pod, many, digest, together, effect, onPods, onContainer, onRedis } from './case.ts'

const apart = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } }

export const image: Case[] = [
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

export const extra: Case[] = [
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
