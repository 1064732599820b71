import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Cluster, startCluster } from '../support/cluster.ts'
import { freePort } from '../support/redis.ts'
import { until } from '../support/client.ts'
import { assertPromises, resumptions } from '../support/promises.ts'
import { withLoad } from '../support/submitter.ts'

/** Shorter than a heartbeat lives: what runs goes on. */
const refusalMs = 1800
const recoveryMs = 6000
/** Of all pods and connections together; a loop without a pause makes thousands. */
const errorsPerSecond = 300

async function errorCount(cluster: Cluster, code: string): Promise<number> {
  const stats = await cluster.looker.info('errorstats')
  return Number(new RegExp(`errorstat_${code}:count=(\\d+)`).exec(stats)?.[1] ?? 0)
}

async function resumedIn(cluster: Cluster, prefix: string): Promise<number> {
  const containers = [...cluster.accepted].filter(([containerId]) => containerId.startsWith(prefix))
  const counts = containers.flatMap(([containerId, ids]) =>
    ids.map((id) => resumptions(cluster, containerId, id)),
  )
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

test('Redis that refuses', async (t) => {
  const cluster = await startCluster(t)
  const { looker } = cluster

  await t.test('read-only for 1.8 s, as at a failover: no hot loop, nothing runs again', async (step) => {
    const port = await freePort()
    const result = await withLoad(cluster, 'readonly', async () => {
      await looker.replicaof('127.0.0.1', port)
      await setTimeout(refusalMs)
      await looker.replicaof('NO', 'ONE')
    })
    const errors = await errorCount(cluster, 'READONLY')
    step.diagnostic(JSON.stringify({ ...result, errors }))
    assert.ok(result.refused > 0)
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    assert.ok(errors < (errorsPerSecond * refusalMs) / 1000, `${errors} refused commands`)
    await assertPromises(cluster)
    assert.equal(await resumedIn(cluster, 'readonly'), 0)
  })

  await t.test('out of memory for 1.8 s: what runs ends once, submissions are refused', async (step) => {
    const result = await withLoad(cluster, 'oom', async () => {
      await looker.config('SET', 'maxmemory', '1mb')
      await setTimeout(refusalMs)
      await looker.config('SET', 'maxmemory', '0')
    })
    const errors = await errorCount(cluster, 'OOM')
    step.diagnostic(JSON.stringify({ ...result, errors }))
    assert.ok(result.refused > 0)
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    assert.ok(errors < (errorsPerSecond * refusalMs) / 1000, `${errors} refused commands`)
    await assertPromises(cluster)
    assert.equal(await resumedIn(cluster, 'oom'), 0)
  })

  await t.test('all connections ended, three times', async (step) => {
    const result = await withLoad(cluster, 'ended', async () => {
      for (let round = 0; round < 3; round += 1) {
        await looker.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        await until('the pods are ready', () => cluster.proxy.ready() === cluster.pods.length)
      }
    })
    step.diagnostic(JSON.stringify(result))
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    await assertPromises(cluster, { mayRunUnanswered: true })
    assert.equal(await resumedIn(cluster, 'ended'), 0)
  })
})
