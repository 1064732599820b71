import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type EventItem, createBatonClient } from 'baton/client'
import { createClient, subscribe, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('what the agent is saying reaches a client of another pod piece by piece, and is stored nowhere', async (t) => {
  const redis = await startRedis(t)
  const owner = await startService(t, { redis, env: { POD_NAME: 'owner' } })
  const client = createClient(owner.url)
  await client.register('c-1')
  const warm = await client.submit('c-1', 'warm up')
  await client.waitFor('c-1', warm.id, 'succeeded')
  const other = await startService(t, { redis, env: { POD_NAME: 'other' } })
  const plain = await subscribe(t, other.url, 'c-1')

  const items: EventItem[] = []
  const stop = new AbortController()
  const states: string[] = []
  const reading = (async () => {
    const stream = createBatonClient({ url: other.url }).events({
      containerId: 'c-1',
      deltas: true,
      signal: stop.signal,
      onState: ({ kind }) => states.push(kind),
    })
    for await (const item of stream) items.push(item)
  })()
  await until('connected', () => states.includes('connected'))
  const words = 'say these words come one by one; sleep 0.2s; say and these later'
  const { id } = await client.submit('c-1', words)
  await until('the end', () => items.some(({ type }) => type === 'instruction.succeeded'))
  stop.abort()
  await reading

  const deltas = items.filter((item) => item.type === 'agent.delta')
  const said = items.flatMap((item) => (item.type === 'agent.message' ? [String(item.data.text)] : []))
  const whole = said.join('')
  assert.ok(deltas.length >= 2, `${deltas.length} pieces`)
  assert.equal(deltas.map(({ data }) => data.text).join(''), whole)
  for (const delta of deltas) {
    assert.deepEqual(Object.keys(delta).toSorted(), ['containerId', 'data', 'instructionId', 'type'])
    assert.equal(delta.instructionId, id)
    assert.equal(delta.data.kind, 'text')
  }
  assert.ok(plain.frames.every(({ op }) => op !== 'delta'))
  const stored = await client.events('c-1')
  assert.ok(stored.every(({ type }) => !type.includes('delta')))
})
