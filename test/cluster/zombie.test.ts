import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Cluster, type Pod, startCluster } from '../support/cluster.ts'
import { until } from '../support/client.ts'
import { assertPromises } from '../support/promises.ts'

const takeoverMs = 5000

/** An owner that is silent for longer than its heartbeat lives, and then comes back with its work in its hands. */
async function assertFenced(
  t: TestContext,
  cluster: Cluster,
  containerId: string,
  { silence, wake }: { silence(pod: Pod): void; wake(pod: Pod): void | Promise<unknown> },
) {
  await cluster.register(containerId)
  const long = await cluster.submit(containerId, 'sleep 4s')
  const next = await cluster.submit(containerId, 'next')
  await until('it runs', async () => cluster.startedSince(containerId, long, 0))
  const zombie = await cluster.ownerOf(containerId)
  const other = cluster.other(zombie)
  const silentAt = Date.now()
  silence(zombie)
  const again = await cluster.startedSince(containerId, long, silentAt)
  const delayMs = Date.parse(again.time) - silentAt
  t.diagnostic(`${delayMs} ms until the next start`)
  assert.ok(delayMs < takeoverMs, `takeover after ${delayMs} ms`)
  assert.ok(!String(again.data.pod).startsWith(`${zombie.name}-`))
  await wake(zombie)
  await zombie.service.waitForLog('The heartbeat is back')
  await other.client.waitFor(containerId, next, 'succeeded')

  const starts = (await cluster.journal(containerId)).filter(
    ({ type, instructionId }) => type === 'instruction.started' && instructionId === long,
  )
  assert.equal(starts.length, 2)
  // The zombie did not call the others dead when it came back, and takes part again.
  await until('all pods are there', async () => {
    const states = await cluster.states(other)
    return cluster.pods.every(({ name }) =>
      states.some(({ pod, state }) => pod.startsWith(`${name}-`) && state === 'running'),
    )
  })
  await assertPromises(cluster)
  const last = await cluster.submit(containerId, 'by the zombie', { via: zombie })
  await zombie.client.waitFor(containerId, last, 'succeeded')
}

test('a pod that is silent for longer than its heartbeat is fenced when it comes back', async (t) => {
  const cluster = await startCluster(t, { entry: 'blocking-main.ts', env: { BLOCK_MS: '5000' } })

  await t.test('frozen by SIGSTOP', (step) =>
    assertFenced(step, cluster, 'frozen', {
      silence: ({ service }) => service.signal('SIGSTOP'),
      wake: ({ service }) => service.signal('SIGCONT'),
    }),
  )
  await t.test('its event loop blocked for 5 s', (step) =>
    assertFenced(step, cluster, 'blocked', {
      silence: ({ service }) => service.signal('SIGUSR2'),
      wake: ({ service }) => service.waitForLog('Unblocked'),
    }),
  )
  await t.test('cut off from Redis', (step) =>
    assertFenced(step, cluster, 'cut', {
      silence: ({ link }) => link.cut(),
      wake: ({ link }) => link.heal(),
    }),
  )
})
