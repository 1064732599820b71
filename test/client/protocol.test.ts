import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { BatonError, type BatonEvent, type ConnectionState, createBatonClient } from 'baton/client'
import { type WebSocket, WebSocketServer } from 'ws'
import { jitterMs } from '../../src/client/backoff.ts'
import { createCursors } from '../../src/client/cursors.ts'

const event = (seq: number, epoch = 'e', type: BatonEvent['type'] = 'agent.message'): BatonEvent => ({
  v: 1,
  seq,
  epoch,
  containerId: 'c',
  type,
  instructionId: null,
  time: '',
  data: {},
})

test('an event that is known is left out, one that is missing is a gap', () => {
  const cursors = createCursors([{ containerId: 'c', afterSeq: 2 }])
  cursors.subscribed('c', 9, 'e')
  assert.deepEqual(cursors.event(event(2)), [])
  assert.deepEqual(cursors.event(event(3)), [event(3)])
  assert.deepEqual(cursors.event(event(3)), [])
  assert.deepEqual(cursors.event(event(6)), [
    { type: 'replay.gap', containerId: 'c', from: 4, to: 5, oldestSeq: 6, epoch: 'e' },
    event(6),
  ])
  assert.deepEqual(cursors.event(event(1, 'f')), [
    { type: 'replay.gap', containerId: 'c', from: 1, to: 0, oldestSeq: 1, epoch: 'f' },
    event(1, 'f'),
  ])
  assert.deepEqual(cursors.all(), [{ containerId: 'c', afterSeq: 1, epoch: 'f' }])
  assert.deepEqual(cursors.event({ ...event(1), containerId: 'other' }), [])
})

test('a container that was deleted is no error, and one that comes back counts on', () => {
  const cursors = createCursors([{ containerId: 'c', afterSeq: 0 }])
  assert.equal(cursors.drop('c'), false)
  cursors.event(event(1, 'e', 'container.deleted'))
  cursors.event(event(2, 'e', 'container.registered'))
  assert.equal(cursors.drop('c'), false)
  cursors.event(event(3, 'e', 'container.deleted'))
  assert.equal(cursors.drop('c'), true)
  assert.deepEqual(cursors.all(), [])
})

test('full jitter lies anywhere below a limit that doubles up to ten seconds', () => {
  assert.deepEqual(
    [0, 1, 5, 6, 100].map((attempt) => jitterMs(attempt, () => 1)),
    [200, 400, 6400, 10_000, 10_000],
  )
  assert.equal(
    jitterMs(100, () => 0),
    0,
  )
})

/** A service that the test plays itself. */
async function play(t: TestContext, onFrame: (socket: WebSocket, frame: Record<string, unknown>) => void) {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) =>
    socket.on('message', (data) =>
      onFrame(socket, JSON.parse((data as Buffer).toString()) as Record<string, unknown>),
    ),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('a token is the first frame, nothing follows before its answer, and one that expired is renewed', async (t) => {
  const heard: unknown[] = []
  let tokens = 0
  const { url } = await play(t, (socket, frame) => {
    heard.push(frame)
    const say = (answer: object) => socket.send(JSON.stringify(answer))
    if (frame.op === 'auth' && frame.token === 'token 3') {
      say({ op: 'error', code: 'unauthenticated', message: 'no' })
      return socket.close(4401, 'no')
    }
    if (frame.op === 'auth') return say({ op: 'authenticated' })
    say({ op: 'subscribed', containerId: 'c', headSeq: 7, epoch: 'e' })
    say(event(tokens === 1 ? 8 : 9))
    socket.close(4401, 'The token has expired')
  })
  const token = () => {
    tokens += 1
    return `token ${tokens}`
  }
  const seqs: number[] = []
  const read = async () => {
    for await (const item of createBatonClient({ url, token }).events({ containerId: 'c' }))
      if ('seq' in item) seqs.push(item.seq)
  }
  // The third one was never good: nothing is renewed for ever.
  await assert.rejects(read(), (error) => error instanceof BatonError && error.code === 'unauthenticated')
  assert.deepEqual(seqs, [8, 9])
  assert.deepEqual(heard, [
    { op: 'auth', token: 'token 1' },
    { op: 'subscribe', containerId: 'c' },
    { op: 'auth', token: 'token 2' },
    { op: 'subscribe', containerId: 'c', afterSeq: 8, epoch: 'e' },
    { op: 'auth', token: 'token 3' },
  ])
})

test('a token that stays the same is not tried again', async (t) => {
  const { url } = await play(t, (socket) => socket.close(4401, 'no'))
  const stream = createBatonClient({ url, token: 'wrong' }).events({ containerId: 'c' })
  await assert.rejects(
    stream.next(),
    (error) => error instanceof BatonError && error.code === 'unauthenticated',
  )
})

test('a hint to come back is obeyed, a senseless one is not', async (t) => {
  const reasons = ['{"retryAfterMs":30}', 'soon', '{"retryAfterMs":"x"}', '{"retryAfterMs":40}']
  const { url } = await play(t, (socket) => socket.close(1012, reasons.shift() ?? ''))
  const stop = new AbortController()
  const delays: number[] = []
  const onState = (state: ConnectionState) => {
    if (state.kind === 'reconnecting') delays.push(state.delayMs)
    if (delays.length === 4) stop.abort()
  }
  const stream = createBatonClient({ url }).events({ containerId: 'c', signal: stop.signal, onState })
  assert.equal((await stream.next()).done, true)
  assert.equal(delays[0], 30)
  assert.equal(delays[3], 40)
})

test('a request is tried again while a pod drains, and only what is repeatable when nobody knows', async (t) => {
  const { server, url } = await play(t, () => {})
  const asked: string[] = []
  const answers = [503, 502, 202]
  const keys = new Set<unknown>()
  server.on('request', (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    keys.add(request.headers['idempotency-key'])
    const status = answers.shift() ?? 200
    const problem = { code: 'draining', detail: 'no' }
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(status === 502 ? '<html>' : JSON.stringify(status < 300 ? { id: 'i' } : problem))
  })
  const baton = createBatonClient({ url })
  assert.equal((await baton.submit('c', 'x')).id, 'i')
  assert.equal(asked.length, 3)
  assert.equal(keys.size, 1, 'with the same key each time')
  answers.push(503, 200)
  await baton.interrupt('c')
  assert.equal(asked.length, 5, 'a pod that drains has done nothing')
  answers.push(502)
  await assert.rejects(
    baton.interrupt('c'),
    (error) => error instanceof BatonError && error.code === 'unknown' && error.status === 502,
  )
  answers.push(404)
  await assert.rejects(baton.register('c'), /no/)
  assert.equal(asked.length, 7)
})
