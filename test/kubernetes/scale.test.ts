import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/client.ts'
import { install, release, skip } from './support/baton.ts'
import { execute, kubectl, read } from './support/commands.ts'
import { assertClean } from './support/ledger.ts'
import { isReady } from './support/pods.ts'
import { startLoad } from './support/rollout.ts'

const spread = ['--set', 'workspaces.accessMode=ReadWriteMany', '--set', 'service.type=NodePort']
const timeout = 1_200_000

test('scaled from 2 to 6 and back under load, nothing is dropped', { skip, timeout }, async (t) => {
  const short = ['--set', 'config.WORKERS_BUDGET_SECONDS=10']
  const baton = await install(t, 'baton-scale', [...spread, ...short])
  const load = await startLoad(t, baton)
  for (const replicas of [6, 2]) {
    await kubectl('-n', baton.namespace, 'scale', baton.deployment, `--replicas=${replicas}`)
    await until(
      `${replicas} pods are ready and none is terminating`,
      async () => (await baton.readyPods()).length === replicas && load.pods.terminating().length === 0,
      300_000,
    )
  }
  const measured = await load.stop()
  t.diagnostic(
    `${measured.requests} requests, ${measured.failures.length} failed, ${measured.handedBack} handed back`,
  )
  assert.deepEqual(measured.failures, [])
  assertClean(measured.audit)
  assert.deepEqual({ gaps: measured.gaps, repeats: measured.repeats }, { gaps: [], repeats: [] })
  assert.equal(measured.ended.length, 4)
  for (const { name, terminated } of measured.ended) assert.equal(terminated?.exitCode, 0, name)
})

test('the disruption budget holds a second eviction back', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-pdb', spread)
  const [first, second] = await baton.readyPods()
  const evict = (name = '') =>
    execute(
      'kubectl',
      ['create', '--raw', `/api/v1/namespaces/${baton.namespace}/pods/${name}/eviction`, '-f', '-'],
      JSON.stringify({
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name, namespace: baton.namespace },
      }),
    )
  assert.equal((await evict(first?.metadata.name)).code, 0)
  const refused = await evict(second?.metadata.name)
  assert.notEqual(refused.code, 0)
  assert.match(refused.stderr, /disruption budget/)
  await until('two pods are ready again', async () => (await baton.readyPods()).length === 2, 120_000)
  const pods = await baton.pods()
  assert.ok(pods.filter(isReady).some(({ metadata }) => metadata.uid === second?.metadata.uid))
})

interface Autoscaler {
  status: { currentMetrics?: { resource?: { current: { averageUtilization?: number } } }[] }
}

test('the autoscaler reads metrics', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-hpa', [...spread, '--set', 'autoscaling.enabled=true'])
  const readHpa = () => read<Autoscaler>('-n', baton.namespace, 'get', 'hpa', release)
  const seen = await until(
    'the autoscaler has a number',
    async () => (await readHpa()).status.currentMetrics?.find(({ resource }) => resource !== undefined),
    180_000,
  )
  assert.ok((seen.resource?.current.averageUtilization ?? -1) >= 0)
})
