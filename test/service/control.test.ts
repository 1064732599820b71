import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, subscribe, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('cancel ends the running instruction and the queue goes on', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  const one = await client.submit('a', 'sleep 60s')
  const two = await client.submit('a', 'sleep 60s')
  const three = await client.submit('a', 'third')
  await client.waitFor('a', one.id, 'running')
  assert.ok((await client.call('POST', `/v1/containers/a/instructions/${one.id}/cancel`)).status < 300)
  await client.waitFor('a', one.id, 'cancelled')
  await client.waitFor('a', two.id, 'running')
  assert.ok((await client.call('POST', '/v1/containers/a/interrupt')).status < 300)
  await client.waitFor('a', two.id, 'cancelled')
  await client.waitFor('a', three.id, 'succeeded')
  assert.equal((await client.call('DELETE', `/v1/containers/a/instructions/${three.id}`)).status, 409)
})

test('a paused queue waits, a resumed one goes on in order', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  await client.call('POST', '/v1/containers/a/queue/pause')
  const ids = []
  for (const text of ['one', 'two', 'three']) ids.push((await client.submit('a', text)).id)
  const cancelled = ids[1] ?? ''
  assert.equal((await client.call('DELETE', `/v1/containers/a/instructions/${cancelled}`)).status, 200)
  assert.equal((await client.instruction('a', ids[0] ?? '')).state, 'queued')
  await client.call('POST', '/v1/containers/a/queue/resume')
  await client.waitFor('a', ids[2] ?? '', 'succeeded')
  assert.equal((await client.instruction('a', cancelled)).state, 'cancelled')
  const events = await client.events('a')
  const ended = events
    .filter(({ type }) => type === 'instruction.succeeded')
    .map(({ instructionId }) => instructionId)
  assert.deepEqual(ended, [ids[0], ids[2]])
})

test('start, restart and stop act on the session; a stopped one waits for a start', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  const socket = await subscribe(t, service.url, 'a', 0)
  assert.equal((await client.call('POST', '/v1/containers/a/start')).status, 200)
  const one = await client.submit('a', 'sleep 2s')
  await client.waitFor('a', one.id, 'running')
  await client.call('POST', '/v1/containers/a/restart')
  const ended = await client.waitFor('a', one.id, 'succeeded')
  assert.deepEqual(
    ended.interruptions.map(({ cause }) => cause),
    ['drain'],
  )
  const pids = socket
    .events()
    .filter(({ type }) => type === 'daemon.started')
    .map(({ data }) => data.pid)
  assert.equal(new Set(pids).size, 2)

  assert.equal((await client.call('POST', '/v1/containers/a/stop')).status, 200)
  const waiting = await client.submit('a', 'waits')
  await until('the daemon is stopped', () => socket.events().some(({ type }) => type === 'daemon.stopped'))
  assert.equal((await client.instruction('a', waiting.id)).state, 'queued')
  await client.call('POST', '/v1/containers/a/start')
  await client.waitFor('a', waiting.id, 'succeeded')
})

test('the 101st waiting instruction is refused with 429', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { QUEUE_LIMIT: '3' } })
  const client = createClient(service.url)
  await client.register('a')
  await client.call('POST', '/v1/containers/a/queue/pause')
  for (const text of ['1', '2', '3']) await client.submit('a', text)
  const refused = await client.call('POST', '/v1/containers/a/instructions', { text: '4' })
  assert.equal(refused.status, 429)
  assert.equal((refused.body as { code: string }).code, 'queue_full')
  assert.ok(refused.headers.get('retry-after'))
})
