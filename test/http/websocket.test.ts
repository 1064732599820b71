import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import { assertContiguous, createClient, subscribe, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

async function open(t: TestContext, url: string, headers: Record<string, string> = {}) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`, { headers })
  const frames: Record<string, unknown>[] = []
  socket.on('message', (data) => frames.push(JSON.parse((data as Buffer).toString())))
  t.after(() => socket.terminate())
  await once(socket, 'open')
  return { socket, frames }
}

test('replays what was missed and goes on live, every seq once and in order', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  const ids: string[] = []
  for (let n = 1; n <= 5; n += 1) ids.push((await client.submit('c-1', `bytes ${n * 1000}; sleep 0.05s`)).id)
  const sockets = []
  for (let n = 0; n < 20; n += 1) {
    sockets.push(await subscribe(t, service.url, 'c-1', 0))
    if (n < 5) ids.push((await client.submit('c-1', `say ${n}`)).id)
  }
  for (const id of ids) await client.waitFor('c-1', id, 'succeeded')
  const head = (await client.events('c-1')).length
  for (const socket of sockets) {
    await until('all events are there', () => socket.events().length >= head)
    assertContiguous(socket.events())
  }
  const late = await subscribe(t, service.url, 'c-1', head - 2)
  assert.deepEqual(
    late.events().map(({ seq }) => seq),
    [head - 1, head],
  )
  const fromNow = await subscribe(t, service.url, 'c-1')
  assert.deepEqual(fromNow.events(), [])
})

test('the subscribed answer tells the head, the daemon and what runs', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'sleep 60s')
  await client.waitFor('c-1', id, 'running')
  const { frames } = await subscribe(t, service.url, 'c-1')
  const subscribed = frames.find(({ op }) => op === 'subscribed')
  assert.equal((subscribed?.activeInstruction as { id: string } | null)?.id, id)
  assert.equal((subscribed?.daemon as { state: string } | undefined)?.state, 'ready')
  assert.equal(subscribed?.headSeq, (await client.events('c-1')).length)
  assert.equal(subscribed?.oldestSeq, 1)
})

test('a cursor that cannot be served is a gap, never a silent skip', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  await createClient(service.url).register('c-1')
  const { socket, frames } = await open(t, service.url)
  socket.send(JSON.stringify({ op: 'subscribe', containerId: 'c-1', afterSeq: 500 }))
  await until('the gap', () => frames.some(({ op }) => op === 'replay.gap'))
  socket.send(JSON.stringify({ op: 'subscribe', containerId: 'c-1', afterSeq: 1, epoch: 'another' }))
  const gaps = await until('the second gap', () => {
    const found = frames.filter(({ op }) => op === 'replay.gap')
    return found.length === 2 && found
  })
  for (const gap of gaps) assert.equal(gap.oldestSeq, 1)
  await until('the replay from the oldest', () => frames.filter(({ seq }) => seq === 1).length === 2)
})

test('a bad frame gets an error frame and the socket stays', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  await createClient(service.url).register('c-1')
  const { socket, frames } = await open(t, service.url)
  const bad = [
    '',
    'no json',
    '[]',
    'null',
    '{"op":"fly"}',
    '{"op":"subscribe"}',
    '{"op":"subscribe","containerId":"../x"}',
  ]
  for (const frame of bad) socket.send(frame)
  socket.send(JSON.stringify({ op: 'subscribe', containerId: 'unknown' }))
  socket.send(Buffer.from([0, 255, 1]))
  await until('an error for each', () => frames.filter(({ op }) => op === 'error').length === bad.length + 2)
  assert.ok(
    frames.some(({ code, containerId }) => code === 'container_not_found' && containerId === 'unknown'),
  )
  socket.send(JSON.stringify({ op: 'ping' }))
  await until('pong', () => frames.some(({ op }) => op === 'pong'))
  socket.send(JSON.stringify({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 }))
  await until('live', () => frames.some(({ op }) => op === 'live'))
})

test('several containers on one socket, and only those that were asked for', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  for (const containerId of ['a', 'b', 'c']) await client.register(containerId)
  const { socket, frames } = await open(t, service.url)
  for (const containerId of ['a', 'b'])
    socket.send(JSON.stringify({ op: 'subscribe', containerId, afterSeq: 0 }))
  await until('both are live', () => frames.filter(({ op }) => op === 'live').length === 2)
  socket.send(JSON.stringify({ op: 'unsubscribe', containerId: 'b' }))
  await until('b is left', () => frames.some(({ op }) => op === 'unsubscribed'))
  for (const containerId of ['a', 'b', 'c']) {
    const { id } = await client.submit(containerId, 'hello')
    await client.waitFor(containerId, id, 'succeeded')
  }
  await until('a has ended', () => frames.some(({ type }) => type === 'instruction.succeeded'))
  const heard = frames
    .filter(({ v, seq }) => v === 1 && Number(seq) > 1)
    .map(({ containerId }) => containerId)
  assert.deepEqual(new Set(heard), new Set(['a']))
})

test('a page of another site gets no socket', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  await assert.rejects(open(t, service.url, { origin: 'https://evil.example' }), /403/)
  await open(t, service.url, { origin: service.url })
})

test('a client that never answers the close is cut off inside the budget', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const { socket } = await open(t, service.url)
  // A reader that stands still sees no close frame, so it answers none.
  ;(socket as unknown as { _socket: { pause(): void } })._socket.pause()
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 0)
  assert.ok(ms < 5000, `took ${ms} ms`)
  assert.equal(service.lines.find(({ msg }) => msg === 'WebSocket server closed')?.terminated, 1)
})

test('a socket that answers no ping is ended', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { PING_SECONDS: '0.2' } })
  const { socket } = await open(t, service.url)
  ;(socket as unknown as { _socket: { pause(): void } })._socket.pause()
  await until('the service dropped it', async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text()
    return /^baton_websocket_connections 0$/m.test(text)
  })
})

test('server-sent events resume behind the last id', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'hello')
  await client.waitFor('c-1', id, 'succeeded')
  const head = (await client.events('c-1')).length
  const response = await fetch(`${service.url}/v1/containers/c-1/events/stream?afterSeq=0`, {
    headers: { 'last-event-id': String(head - 2) },
  })
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    if (text.includes(': live')) break
  }
  assert.deepEqual(
    [...text.matchAll(/^id: [\w-]{36}:(\d+)$/gm)].map(([, seq]) => Number(seq)),
    [head - 1, head],
  )
})
