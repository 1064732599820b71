import assert from 'node:assert/strict'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test('Redis that comes back without the end of its journal begins a new epoch, and no number is given twice', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  const done = await client.submit('a', 'sleep 1s')
  await client.waitFor('a', done.id, 'running')
  // What the file holds now is what comes back: the end of this instruction and all that follows is lost.
  await cp(join(redis.dir, 'appendonlydir'), join(redis.dir, 'copy'), { recursive: true })
  await client.waitFor('a', done.id, 'succeeded')
  await client.register('b')
  const running = await client.submit('b', 'sleep 30s')
  await client.waitFor('b', running.id, 'running')
  const waiting = await client.submit('b', 'second')
  const [before] = await client.events('a')
  await redis.kill('SIGKILL')
  await rm(join(redis.dir, 'appendonlydir'), { recursive: true })
  await rename(join(redis.dir, 'copy'), join(redis.dir, 'appendonlydir'))
  await redis.start()

  await service.waitForLog('Redis lost the end of the journal: it begins a new epoch')
  await until('the instruction of b runs again', async () => {
    const [first, ...events] = await client.events('b')
    return first?.epoch !== before?.epoch && events.some(({ type }) => type === 'instruction.started')
  })
  await client.call('POST', `/v1/containers/b/instructions/${running.id}/cancel`)
  await client.waitFor('b', waiting.id, 'succeeded')
  assert.equal((await client.instruction('a', done.id)).state, 'succeeded')
  const finished = (await ledger(service.workspacesDir, 'a')).filter(({ event }) => event === 'finished')
  assert.deepEqual(
    finished.map(({ turn }) => turn),
    [done.id],
  )
  for (const id of ['a', 'b']) assertContiguous(await client.events(id))
  const { id } = await client.submit('a', 'again')
  await client.waitFor('a', id, 'succeeded')
})

test('two pods put back what was unfinished once, when Redis lost all its data', async (t) => {
  const redis = await startRedis(t)
  const workspaces = await mkdtemp(join(tmpdir(), 'baton-workspaces-'))
  t.after(() => rm(workspaces, { recursive: true, force: true }))
  const start = (pod: string) =>
    startService(t, { redis, env: { POD_NAME: pod, WORKSPACES_DIR: workspaces } })
  const pods = await Promise.all(['pod-1', 'pod-2'].map(start))
  const clients = pods.map(({ url }) => createClient(url))
  const submitted: { containerId: string; ids: string[] }[] = []
  for (const [i, client] of [...clients, ...clients].entries()) {
    const containerId = `c-${i}`
    await client.register(containerId)
    const ids = []
    for (const text of ['sleep 1s', 'second', 'third']) ids.push((await client.submit(containerId, text)).id)
    await client.waitFor(containerId, ids[0] ?? '', 'running')
    submitted.push({ containerId, ids })
  }
  const eraser = new Redis(redis.url)
  await eraser.flushall()
  eraser.disconnect()
  for (const { containerId, ids } of submitted) {
    for (const client of clients) await client.waitFor(containerId, ids[2] ?? '', 'succeeded')
    const facts = await ledger(workspaces, containerId)
    const finished = facts.filter(({ event }) => event === 'finished').map(({ turn }) => turn)
    assert.deepEqual(finished, ids)
    const [one, two] = await Promise.all(clients.map((client) => client.events(containerId)))
    assertContiguous(one ?? [])
    assert.deepEqual(one, two)
  }
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
