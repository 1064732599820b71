import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import {
  BatonError,
  type BatonEvent,
  type ConnectionState,
  type EventItem,
  type EventsOptions,
  createBatonClient,
} from 'baton/client'
import { assertContiguous, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { connect, registered, says, startHttp, upTo } from '../http/support.ts'

/** Reads in the background, as a program that shows events does. */
function collect(t: TestContext, url: string | string[], options: EventsOptions) {
  const states: ConnectionState[] = []
  const items: EventItem[] = []
  const stop = new AbortController()
  const onState = (state: ConnectionState) => states.push(state)
  const read = async () => {
    for await (const item of createBatonClient({ url }).events({ ...options, onState, signal: stop.signal }))
      items.push(item)
  }
  const ended = read()
  ended.catch(() => {})
  t.after(async () => {
    stop.abort()
    await ended.catch(() => {})
  })
  return {
    items,
    states,
    ended,
    stop: () => stop.abort(),
    events: () => items.filter((item): item is BatonEvent => 'seq' in item),
    of: (kind: ConnectionState['kind']) => states.filter((state) => state.kind === kind),
  }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`one iterator goes on over a service that is restarted with ${signal}`, async (t) => {
    const redis = await startRedis(t)
    const port = String(await freePort())
    const first = await startService(t, { redis, env: { PORT: port, WORKERS_BUDGET_SECONDS: '2' } })
    const { url } = first
    const baton = createBatonClient({ url })
    await baton.register('c-1')
    const reader = collect(t, url, { containerId: 'c-1', afterSeq: 0 })
    const { id } = await baton.submit('c-1', 'say before; sleep 4s; say after')
    await until('it says', () => reader.events().some(({ type }) => type === 'agent.message'))
    first.signal(signal)
    // Sent while nobody is there, it still arrives once.
    const submitted = baton.submit('c-1', 'say second')
    await first.exited
    await startService(t, { redis, env: { PORT: port } })
    const second = await submitted
    await until('the second one has succeeded', () =>
      reader
        .events()
        .some(({ type, instructionId }) => type === 'instruction.succeeded' && instructionId === second.id),
    )
    assertContiguous(reader.events())
    assert.equal(reader.items.length, reader.events().length, 'no gap')
    assert.equal((await baton.instruction('c-1', id)).state, 'succeeded')
    const queued = reader.events().filter(({ type }) => type === 'instruction.queued')
    assert.equal(queued.length, 2)
    assert.ok(reader.of('reconnecting').length > 0)
    if (signal === 'SIGTERM') {
      assert.equal(reader.of('draining').length, 1)
      const [left] = reader.of('reconnecting') as Extract<ConnectionState, { kind: 'reconnecting' }>[]
      assert.equal(left?.code, 1012)
      assert.equal(left?.delayMs, (JSON.parse(left?.reason ?? '') as { retryAfterMs: number }).retryAfterMs)
    }
  })
}

test('a pod that goes is followed by the next address', async (t) => {
  const redis = await startRedis(t)
  const pods = [
    await startService(t, { redis, env: { POD_NAME: 'a', WORKERS_BUDGET_SECONDS: '1' } }),
    await startService(t, { redis, env: { POD_NAME: 'b' } }),
  ] as const
  const urls = pods.map(({ url }) => url)
  const baton = createBatonClient({ url: urls })
  await baton.register('c-1')
  const reader = collect(t, urls, { containerId: 'c-1', afterSeq: 0 })
  await until('connected', () => reader.of('connected').length === 1)
  await baton.submit('c-1', 'sleep 3s')
  await until('it runs', () => reader.events().some(({ type }) => type === 'instruction.started'))
  pods[0].signal('SIGTERM')
  await until('it has succeeded', () => reader.events().some(({ type }) => type === 'instruction.succeeded'))
  assertContiguous(reader.events())
  assert.deepEqual(
    reader.of('connected').map(({ url }) => url),
    urls,
  )
})

test('without a cursor it begins now, and a reconnect goes on from there', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('before'))
  const reader = collect(t, http.url, { containerId: 'c-1' })
  await until('connected', () => reader.of('connected').length === 1)
  for (const connection of http.connections()) connection.destroy()
  http.write('c-1', says('while away'))
  await until('reconnected', () => reader.of('connected').length === 2)
  http.write('c-1', says('live'))
  await until('both', () => reader.items.length === 2)
  assert.deepEqual(
    reader.events().map(({ seq }) => seq),
    [3, 4],
  )
})

test('several containers share a socket, each with its own cursor', async (t) => {
  const http = await startHttp(t)
  for (const id of ['a', 'b', 'c']) http.write(id, registered, says('one'), says('two'))
  const containers = ['a', { containerId: 'b', afterSeq: 2 }, { containerId: 'c', afterSeq: 0 }]
  const reader = collect(t, http.url, { containers })
  await until('what was missed', () => reader.items.length === 4)
  for (const connection of http.connections()) connection.destroy()
  for (const id of ['a', 'b', 'c']) http.write(id, says('three'))
  await until('all of it', () => reader.items.length === 7)
  const seqs = (id: string) =>
    reader
      .events()
      .filter(({ containerId }) => containerId === id)
      .map(({ seq }) => seq)
  assert.deepEqual([seqs('a'), seqs('b'), seqs('c')], [[4], [3, 4], [1, 2, 3, 4]])
})

test('what is lost is an item of its own', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered, says('one'))
  const reader = collect(t, http.url, { containerId: 'c-1', afterSeq: 0 })
  await until('the first ones', () => reader.items.length === 2)
  http.skip('c-1', 3)
  http.write('c-1', says('behind the hole'))
  await until('the hole', () => reader.items.length === 4)
  http.newEpoch('epoch-2')
  http.write('c-1', registered)
  await until('the new epoch', () => reader.items.length === 6)
  const told = reader.items.map((item) => ('seq' in item ? item.seq : item))
  assert.deepEqual(told, [
    1,
    2,
    { type: 'replay.gap', containerId: 'c-1', from: 3, to: 5, oldestSeq: 6, epoch: 'epoch-1' },
    6,
    { type: 'replay.gap', containerId: 'c-1', from: 1, to: 0, oldestSeq: 1, epoch: 'epoch-2' },
    1,
  ])
})

test('a reader that is slow costs another connection, no event and no memory', async (t) => {
  const http = await startHttp(t)
  const large = 'x'.repeat(500_000)
  http.write('c-1', registered, ...Array.from({ length: 99 }, () => says(large)))
  const states: ConnectionState[] = []
  const stop = new AbortController()
  const stream = createBatonClient({ url: http.url }).events({
    containerId: 'c-1',
    afterSeq: 0,
    signal: stop.signal,
    onState: (state) => states.push(state),
  })
  t.after(() => stop.abort())
  await stream.next()
  // Nobody reads: the socket is given up, not the memory.
  await until('the socket is closed', () => http.sockets.count() === 0)
  const seqs = [1]
  for await (const item of stream) {
    if ('seq' in item) seqs.push(item.seq)
    if (seqs.length === 100) break
  }
  assert.deepEqual(seqs, upTo(100))
  assert.ok(states.filter(({ kind }) => kind === 'connected').length > 1)
})

test('a refusal that no other socket would change is thrown', async (t) => {
  const http = await startHttp(t)
  const reader = collect(t, http.url, { containerId: 'unknown' })
  await assert.rejects(
    reader.ended,
    (error) => error instanceof BatonError && error.code === 'container_not_found',
  )
  await assert.rejects(collect(t, http.url, {}).ended, /Name a containerId/)
})

test('ends quietly at its signal, also while nobody answers', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const reader = collect(t, http.url, { containerId: 'c-1' })
  await until('connected', () => reader.of('connected').length === 1)
  reader.stop()
  await reader.ended
  await until('its socket is gone', () => http.sockets.count() === 0)
  const nobody = collect(t, `http://127.0.0.1:${await freePort()}`, { containerId: 'c-1' })
  await until('it tries again', () => nobody.of('reconnecting').length > 1)
  nobody.stop()
  await nobody.ended
})

test('a silent connection is taken for dead', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const states: ConnectionState[] = []
  const stop = new AbortController()
  const stream = createBatonClient({ url: http.url, heartbeatMs: 100 }).events({
    containerId: 'c-1',
    afterSeq: 0,
    signal: stop.signal,
    onState: (state) => states.push(state),
  })
  t.after(() => stop.abort())
  await stream.next()
  const other = await connect(t, http.url)
  const [connection] = http.connections()
  connection?.pause()
  const pending = stream.next()
  await until('reconnected', () => states.filter(({ kind }) => kind === 'connected').length === 2)
  const lost = states.find((state) => state.kind === 'reconnecting')
  assert.equal(lost?.reason, 'silent')
  stop.abort()
  await pending
  assert.equal(other.socket.readyState, other.socket.OPEN)
})
