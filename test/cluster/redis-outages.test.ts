import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startCluster } from '../support/cluster.ts'
import { assertPromises } from '../support/promises.ts'
import { withLoad } from '../support/submitter.ts'

const outageMs = 8000
/** 3 s to recover, and what a busy machine adds. */
const recoveryMs = 6000

test('Redis that is away', async (t) => {
  const cluster = await startCluster(t)
  const { redis } = cluster

  await t.test('restarted with its append-only file', async (step) => {
    const result = await withLoad(cluster, 'restart', async () => {
      await redis.kill('SIGTERM')
      await redis.start()
    })
    step.diagnostic(JSON.stringify(result))
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    await assertPromises(cluster)
  })

  await t.test('killed for 8 s', async (step) => {
    const result = await withLoad(cluster, 'killed', async () => {
      await redis.kill('SIGKILL')
      await setTimeout(outageMs)
      await redis.start()
    })
    step.diagnostic(JSON.stringify(result))
    assert.ok(result.refused > 0)
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    await assertPromises(cluster)
  })

  await t.test('frozen for 8 s', async (step) => {
    const result = await withLoad(cluster, 'frozen', async () => {
      process.kill(redis.pid(), 'SIGSTOP')
      await setTimeout(outageMs)
      process.kill(redis.pid(), 'SIGCONT')
    })
    step.diagnostic(JSON.stringify(result))
    assert.ok(result.refused > 0)
    assert.ok(result.readyMs < recoveryMs, `ready after ${result.readyMs} ms`)
    await assertPromises(cluster, { mayRunUnanswered: true })
  })
})
