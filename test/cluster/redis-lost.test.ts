import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCluster } from '../support/cluster.ts'
import { until } from '../support/client.ts'
import { assertPromises } from '../support/promises.ts'

test('Redis that comes back empty: the pods put back what was unfinished, and clients hear of the gap', async (t) => {
  const cluster = await startCluster(t)
  const containers = ['a', 'b', 'c']
  for (const [i, containerId] of containers.entries()) {
    const via = cluster.pods[i]
    assert.ok(via)
    await cluster.register(containerId, via.client)
    const ended = await cluster.submit(containerId, 'ended', { via })
    await via.client.waitFor(containerId, ended, 'succeeded')
    const running = await cluster.submit(containerId, 'sleep 2s', { via })
    for (const text of ['second', 'third']) await cluster.submit(containerId, text, { via })
    await via.client.waitFor(containerId, running, 'running')
  }
  const sizes = cluster.followers.map(
    ({ events }) =>
      () =>
        events.length > 5,
  )
  await until('the clients have seen it', () => sizes.every((isThere) => isThere()))
  await cluster.redis.kill('SIGKILL')
  await rm(join(cluster.redis.dir, 'appendonlydir'), { recursive: true })
  await cluster.redis.start()
  const backAt = Date.now()
  for (const containerId of containers) {
    for (const id of cluster.accepted.get(containerId) ?? [])
      for (const { client } of cluster.pods) await client.waitFor(containerId, id, 'succeeded')
  }
  t.diagnostic(`all of it had ended ${Date.now() - backAt} ms after Redis was back`)
  await assertPromises(cluster, { epochs: 2 })
  const id = await cluster.submit('a', 'again')
  await cluster.pods[2]?.client.waitFor('a', id, 'succeeded')
})
