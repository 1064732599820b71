import { type Case, container, many, digest, selector, effect, onPods, onContainer, onRedis } from './case.ts'
import type { Json, Values } from '../support.ts'

const keda = { enabled: true, triggers: [{ type: 'cron', metadata: { start: '0 8 * * *' } }] }
const workspace = (values: Values, path: string, is: Json) =>
  effect({ workspaces: values }, 'PersistentVolumeClaim', path, is, 'baton-workspaces')

export const scale: Case[] = [
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

export const volumes: Case[] = [
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

export const redis: Case[] = [
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
