import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertContiguous, createClient, ledger, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const containers = Array.from({ length: 20 }, (_, index) => `c-${index + 1}`)
const each = 10

test('kill -9 in the middle of 200 instructions over 20 containers: all succeed, none twice', {
  timeout: 180_000,
}, async (t) => {
  const redis = await startRedis(t)
  const first = await startService(t, { redis })
  const client = createClient(first.url)
  const submitted: { containerId: string; id: string }[] = []
  for (const containerId of containers) {
    await client.register(containerId)
    for (let n = 1; n <= each; n += 1) {
      const { id } = await client.submit(containerId, `sleep 0.05s; say ${n}`)
      submitted.push({ containerId, id })
    }
  }
  await until(
    'a quarter has ended',
    async () => {
      const facts = await Promise.all(containers.map((id) => ledger(first.workspacesDir, id)))
      return facts.flat().filter(({ event }) => event === 'finished').length >= 50
    },
    60_000,
  )
  first.signal('SIGKILL')
  await first.exited

  const second = await startService(t, { redis, env: { DATA_DIR: first.dataDir } })
  const again = createClient(second.url)
  for (const { containerId, id } of submitted) await again.waitFor(containerId, id, 'succeeded', 90_000)

  for (const containerId of containers) {
    const facts = await ledger(first.workspacesDir, containerId)
    const ids = submitted.filter((one) => one.containerId === containerId).map(({ id }) => id)
    const finished = facts.filter(({ event }) => event === 'finished').map(({ turn }) => turn)
    assert.deepEqual(finished, ids, `each once and in order in ${containerId}`)
    const events = await again.events(containerId)
    assertContiguous(events)
    const ends = events
      .filter(({ type }) => type === 'instruction.succeeded')
      .map(({ instructionId }) => instructionId)
    assert.deepEqual(ends, ids)
  }
})
