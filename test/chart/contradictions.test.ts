import assert from 'node:assert/strict'
import { type Values, withHelm } from './support.ts'

const keda = { enabled: true, triggers: [{ type: 'cron' }] }
const none = { accessMode: 'None' }
const many = { accessMode: 'ReadWriteMany' }

const cases: [sentence: string, values: Values][] = [
  [
    'terminationGracePeriodSeconds: 30 is too short for a shutdown, which may take 64 s = preStop sleep 5 + readiness 0 + drain 5 + health-monitor 1 + workers 30 + daemons 5 + queues 3 + websocket 3 + http 5 + database 2 + margin 5.',
    { terminationGracePeriodSeconds: 30 },
  ],
  [
    'terminationGracePeriodSeconds: 64 is too short for a shutdown, which may take 634 s = preStop sleep 5 + readiness 0 + drain 5 + health-monitor 1 + workers 600 + daemons 5 + queues 3 + websocket 3 + http 5 + database 2 + margin 5.',
    { terminationGracePeriodSeconds: 64, config: { WORKERS_BUDGET_SECONDS: 600 } },
  ],
  [
    'autoscaling and keda would both set the number of pods: enable one of them.',
    { autoscaling: { enabled: true }, keda },
  ],
  [
    'replicas: 3 would be overruled by autoscaling: leave it out.',
    { replicas: 3, autoscaling: { enabled: true } },
  ],
  ['replicas: 3 would be overruled by keda: leave it out.', { replicas: 3, keda }],
  [
    'autoscaling: minReplicas 7 is more than maxReplicas 6.',
    { autoscaling: { enabled: true, minReplicas: 7 } },
  ],
  ['keda: minReplicas 7 is more than maxReplicas 6.', { keda: { ...keda, minReplicas: 7 } }],
  [
    'autoscaling has no target: set targetCPUUtilizationPercentage or targetMemoryUtilizationPercentage.',
    { autoscaling: { enabled: true, targetCPUUtilizationPercentage: 0 } },
  ],
  ['keda has no trigger: set keda.triggers.', { keda: { enabled: true } }],
  [
    '2 replicas need a shared workspace, and workspaces.accessMode is None: a pod could not go on with the files of another.',
    { replicas: 2, workspaces: none },
  ],
  [
    '6 replicas need a shared workspace, and workspaces.accessMode is None: a pod could not go on with the files of another.',
    { autoscaling: { enabled: true }, workspaces: none },
  ],
  [
    '6 replicas need a shared workspace, and workspaces.accessMode is None: a pod could not go on with the files of another.',
    { keda, workspaces: none },
  ],
  [
    'workspaces.existingClaim is set, and workspaces.accessMode None mounts no claim: say ReadWriteOnce or ReadWriteMany.',
    { workspaces: { accessMode: 'None', existingClaim: 'files' } },
  ],
  [
    'podDisruptionBudget would hold the drain of a node back for ever: the pods of a ReadWriteOnce workspace cannot go to another node one by one.',
    { podDisruptionBudget: { enabled: true } },
  ],
  [
    'podDisruptionBudget takes minAvailable or maxUnavailable, not both.',
    { workspaces: many, podDisruptionBudget: { minAvailable: 1, maxUnavailable: 1 } },
  ],
  [
    'podDisruptionBudget.minAvailable: 2 of 2 replicas would hold every drain of a node back for ever.',
    { workspaces: many, podDisruptionBudget: { minAvailable: 2 } },
  ],
  [
    'podDisruptionBudget.minAvailable: 3 of 3 replicas would hold every drain of a node back for ever.',
    {
      workspaces: many,
      podDisruptionBudget: { minAvailable: 3 },
      autoscaling: { enabled: true, minReplicas: 3 },
    },
  ],
  [
    'redis.bundled.enabled and redis.url are two Redis at once: leave one out.',
    { redis: { url: 'redis://r:6379', bundled: { enabled: true } } },
  ],
  [
    'redis.bundled.enabled and redis.existingSecret are two Redis at once: leave one out.',
    { redis: { existingSecret: 'r', bundled: { enabled: true } } },
  ],
  [
    'redis.url and redis.existingSecret are two Redis at once: leave one out.',
    { redis: { url: 'redis://r:6379', existingSecret: 'r' } },
  ],
  [
    'There is no Redis: redis.bundled is off, and neither redis.url nor redis.existingSecret is set.',
    { redis: { bundled: { enabled: false } } },
  ],
  [
    'auth.anonymous with an Ingress would give everybody outside the cluster a shell: leave one out.',
    { auth: { anonymous: true }, ingress: { enabled: true } },
  ],
  [
    'auth.anonymous with an HTTPRoute would give everybody outside the cluster a shell: leave one out.',
    { auth: { anonymous: true }, httpRoute: { enabled: true, parentRefs: [{ name: 'g' }] } },
  ],
  [
    'auth.anonymous with a Service of type LoadBalancer would give everybody outside the cluster a shell: leave one out.',
    { auth: { anonymous: true }, service: { type: 'LoadBalancer' } },
  ],
  [
    'auth.anonymous with a Service of type LoadBalancer would give everybody outside the cluster a shell: leave one out.',
    { auth: { anonymous: true }, loadBalancer: { preset: 'nlb' } },
  ],
  [
    'auth.anonymous and tokens contradict each other: leave one out.',
    { auth: { anonymous: true, tokens: 'a-token-of-16-or-more' } },
  ],
  [
    'auth.anonymous and tokens contradict each other: leave one out.',
    { auth: { anonymous: true, existingSecret: 'x' } },
  ],
  [
    'auth.tokens and auth.existingSecret are both set: leave one out.',
    { auth: { tokens: 'a-token-of-16-or-more', existingSecret: 'y' } },
  ],
  ['ports.http and ports.metrics are both 3000: two listeners need two ports.', { ports: { metrics: 3000 } }],
  [
    'serviceMonitor needs ports.metrics: on ports.http the metrics need a token.',
    { ports: { metrics: null }, serviceMonitor: { enabled: true } },
  ],
  [
    'auth.anonymous and config.JWT_ISSUER contradict each other: leave one out.',
    { auth: { anonymous: true }, config: { JWT_ISSUER: 'https://i.example', JWT_AUDIENCE: 'baton' } },
  ],
  [
    'config.JWT_ISSUER needs config.JWT_AUDIENCE: a token for another service would do else.',
    { config: { JWT_ISSUER: 'https://i.example' } },
  ],
  ['config.JWT_AUDIENCE is of no use without config.JWT_ISSUER.', { config: { JWT_AUDIENCE: 'baton' } }],
  [
    'config.JWT_JWKS_URL is of no use without config.JWT_ISSUER.',
    { config: { JWT_JWKS_URL: 'https://i.example/keys' } },
  ],
  [
    'KEEP_ALIVE_SECONDS 72 is less than the 620 of the preset gclb, whose idle connections we must not close first: raise it, or say loadBalancer.preset: custom.',
    { loadBalancer: { preset: 'gclb' }, config: { KEEP_ALIVE_SECONDS: 72 } },
  ],
  ['service.nodePort needs service.type NodePort or LoadBalancer.', { service: { nodePort: 30_080 } }],
  [
    'The drain window, preStop sleep 5 s + DRAIN_SECONDS 4.5 s, is shorter than the 10 s of the preset clusterip: raise it, or say loadBalancer.preset: custom.',
    { config: { DRAIN_SECONDS: 4.5 } },
  ],
  [
    'The drain window, preStop sleep 10 s + DRAIN_SECONDS 10 s, is shorter than the 35 s of the preset alb: raise it, or say loadBalancer.preset: custom.',
    { loadBalancer: { preset: 'alb', preStopSeconds: 10 } },
  ],
  [
    'The drain window, preStop sleep 120 s + DRAIN_SECONDS 5 s, is shorter than the 130 s of the preset nlb: raise it, or say loadBalancer.preset: custom.',
    { loadBalancer: { preset: 'nlb' }, config: { DRAIN_SECONDS: 5 } },
  ],
  [
    'The drain window, preStop sleep 0 s + DRAIN_SECONDS 10 s, is shorter than the 70 s of the preset gclb: raise it, or say loadBalancer.preset: custom.',
    { loadBalancer: { preset: 'gclb', preStopSeconds: 0 } },
  ],
  [
    'The readiness probe needs 9 s (period 3 x threshold 3) to notice, and the drain window DRAIN_SECONDS is 5 s: make it shorter than that.',
    { probes: { readiness: { periodSeconds: 3, failureThreshold: 3 } } },
  ],
  [
    'The readiness probe needs 4 s (period 2 x threshold 2) to notice, and the drain window DRAIN_SECONDS is 4 s: make it shorter than that.',
    { loadBalancer: { preset: 'custom' }, config: { DRAIN_SECONDS: 4 } },
  ],
  [
    'config.MAX_INSTRUCTION_BYTES is more than config.MAX_BODY_BYTES: no request could carry it.',
    { config: { MAX_INSTRUCTION_BYTES: 2_000_000 } },
  ],
  [
    'config.MAX_INSTRUCTION_BYTES is more than config.MAX_BODY_BYTES: no request could carry it.',
    { config: { MAX_BODY_BYTES: 50_000 } },
  ],
  ['extraEnv: an entry has no name.', { extraEnv: [{ value: 'x' }] }],
  [
    'extraEnv: DRAIN_SECONDS belongs in config, where the grace period is computed from it.',
    { extraEnv: [{ name: 'DRAIN_SECONDS', value: '60' }] },
  ],
  [
    'extraEnv: WORKERS_BUDGET_SECONDS belongs in config, where the grace period is computed from it.',
    { extraEnv: [{ name: 'WORKERS_BUDGET_SECONDS', value: '60' }] },
  ],
  ["extraEnv: PORT is the chart's: set ports.http.", { extraEnv: [{ name: 'PORT', value: '1' }] }],
  [
    "extraEnv: METRICS_PORT is the chart's: set ports.metrics.",
    { extraEnv: [{ name: 'METRICS_PORT', value: '1' }] },
  ],
  [
    "extraEnv: TERMINATION_GRACE_PERIOD_SECONDS is the chart's: set terminationGracePeriodSeconds.",
    { extraEnv: [{ name: 'TERMINATION_GRACE_PERIOD_SECONDS', value: '1' }] },
  ],
  ['httpRoute has no gateway: set httpRoute.parentRefs.', { httpRoute: { enabled: true } }],
]

const sentencesOf = (refusal: string) =>
  refusal
    .slice(refusal.indexOf('\n\n') + 2)
    .trim()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('Use --debug'))

withHelm('a contradiction', (fact) => {
  for (const [sentence, values] of cases) {
    fact(`${JSON.stringify(values)}: ${sentence}`, async (chart) => {
      assert.deepEqual(sentencesOf(await chart.refusal(values)), [sentence])
    })
  }

  fact('is said together with the others', async (chart) => {
    const refusal = await chart.refusal({ replicas: 2, workspaces: none, httpRoute: { enabled: true } })
    assert.equal(sentencesOf(refusal).length, 2)
  })

  fact('is none without a drain window: the readiness probe has nothing to notice', async (chart) => {
    await chart.render({
      loadBalancer: { preset: 'custom', preStopSeconds: 0 },
      config: { DRAIN_SECONDS: 0 },
    })
  })
})
