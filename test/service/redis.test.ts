import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { assertContiguous, createClient, ledger, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('Redis away for longer than a heartbeat: the work ends, writes are refused, and all goes on afterwards', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  const one = await client.submit('a', 'sleep 2s')
  const two = await client.submit('a', 'second')
  await client.waitFor('a', one.id, 'running')
  await redis.kill('SIGKILL')
  await service.waitForLog('The heartbeat could not be renewed: this pod ends its own work')
  const refused = await client.call('POST', '/v1/containers/a/instructions', { text: 'x' })
  assert.equal(refused.status, 503)
  assert.ok(refused.headers.get('retry-after'))
  await redis.start()
  await client.waitFor('a', one.id, 'succeeded')
  await client.waitFor('a', two.id, 'succeeded')
  const facts = await ledger(service.workspacesDir, 'a')
  const finished = facts.filter(({ event }) => event === 'finished').map(({ turn }) => turn)
  assert.deepEqual(finished, [one.id, two.id])
  assertContiguous(await client.events('a'))
})

test('Redis that lost all its data gets the unfinished instructions back, in order, in a new epoch', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  for (const id of ['a', 'idle']) await client.register(id)
  const ended = await client.submit('a', 'ended')
  await client.waitFor('a', ended.id, 'succeeded')
  const one = await client.submit('a', 'sleep 1s')
  const two = await client.submit('a', 'second')
  await client.waitFor('a', one.id, 'running')
  const before = (await client.instruction('a', one.id)).sessionId
  const [first] = await client.events('a')
  const eraser = new Redis(redis.url)
  await eraser.flushall()
  eraser.disconnect()
  await client.waitFor('a', two.id, 'succeeded')
  const again = await client.instruction('a', one.id)
  assert.equal(again.state, 'succeeded')
  assert.equal(again.sessionId, before)
  assert.equal((await client.instruction('a', ended.id)).state, 'succeeded')
  const facts = await ledger(service.workspacesDir, 'a')
  const finished = facts.filter(({ event }) => event === 'finished').map(({ turn }) => turn)
  assert.deepEqual(finished, [ended.id, one.id, two.id])
  const events = await client.events('a')
  assertContiguous(events)
  assert.notEqual(events[0]?.epoch, first?.epoch)
  const { id } = await client.submit('idle', 'hello')
  await client.waitFor('idle', id, 'succeeded')
})

test('a new SQLite file knows the containers and waiting instructions whose entries were trimmed', async (t) => {
  const redis = await startRedis(t)
  const first = await startService(t, { redis })
  const client = createClient(first.url)
  await client.register('a')
  await client.call('POST', '/v1/containers/a/queue/pause')
  const { id } = await client.submit('a', 'waits')
  first.signal('SIGTERM')
  assert.equal((await first.exited).code, 0)
  const trimmer = new Redis(redis.url)
  await trimmer.xtrim('{baton}:journal', 'MAXLEN', 0)
  trimmer.disconnect()

  const second = await startService(t, { redis })
  const again = createClient(second.url)
  assert.equal((await again.instruction('a', id)).text, 'waits')
  await again.call('POST', '/v1/containers/a/queue/resume')
  await again.waitFor('a', id, 'succeeded')
})

test('a worker and its connection go when nothing came for a while, and come back with work', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKER_IDLE_SECONDS: '0.3' } })
  const client = createClient(service.url)
  const looker = new Redis(redis.url)
  looker.on('error', () => {})
  t.after(() => looker.disconnect())
  const connections = async () =>
    String(await looker.client('LIST'))
      .trim()
      .split('\n').length
  const idle = await connections()
  const running = []
  for (const containerId of ['a', 'b', 'c']) {
    await client.register(containerId)
    const { id } = await client.submit(containerId, 'sleep 60s')
    await client.waitFor(containerId, id, 'running')
    running.push(`/v1/containers/${containerId}/instructions/${id}`)
  }
  assert.equal(await connections(), idle + 3)
  for (const path of running) await client.call('POST', `${path}/cancel`)
  await until('the workers are closed', async () => (await connections()) === idle)
  const { id } = await client.submit('a', 'again')
  await client.waitFor('a', id, 'succeeded')
})
