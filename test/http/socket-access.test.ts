import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { admit } from '../../src/http/websocket/admission.ts'
import { startIssuer } from '../auth/issuer.ts'
import { until } from '../support/client.ts'
import { connect, registered, says, startHttp } from './support.ts'

const writer = 'writer-token-0123456789'
const reader = 'reader-token-0123456789'
const limited = 'limited-token-0123456789'
const env = { API_TOKENS: `${writer} ${reader}:read ${limited}:read:c-1` }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function start(t: TestContext) {
  const http = await startHttp(t, { env })
  http.write('c-1', registered, says('secret of c-1'))
  http.write('c-2', registered, says('secret of c-2'))
  return http
}

test('a socket with the header is in; so is one whose first frame says who it is', async (t) => {
  const { url } = await start(t)
  const byHeader = await connect(t, url, bearer(reader))
  byHeader.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  await until('live', () => byHeader.of('live').length === 1)
  assert.deepEqual(byHeader.seqs(), [1, 2])

  const byFrame = await connect(t, url)
  byFrame.ask({ op: 'auth', token: reader })
  // Not waiting for the answer: what comes early is kept, in order.
  byFrame.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  byFrame.ask({ op: 'ping' })
  await until('live', () => byFrame.of('live').length === 1)
  assert.equal(byFrame.frames[0]?.op, 'authenticated')
  assert.equal(byFrame.of('pong').length, 1)
  assert.deepEqual(byFrame.seqs(), [1, 2])
})

test('wrong credentials in the header are 401 before there is a socket', async (t) => {
  const { url } = await start(t)
  for (const headers of [
    bearer('wrong-token-0123456789'),
    { authorization: `Basic ${writer}` },
    bearer(''),
  ]) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`, { headers })
    const [error] = (await once(socket, 'error')) as [Error]
    assert.match(error.message, /401/)
  }
})

test('whatever else the first frame is closes the socket with 4401, and nothing is told', async (t) => {
  const http = await start(t)
  const first = [
    '{"op":"subscribe","containerId":"c-1","afterSeq":0}',
    '{"op":"ping"}',
    '{"op":"auth"}',
    '{"op":"auth","token":7}',
    '{"op":"auth","token":"wrong-token-0123456789"}',
    `{"op":"auth","token":"${writer}:write"}`,
    `{"op":"auth","token":"${'x'.repeat(20_000)}"}`,
    'no JSON',
    '',
    'null',
    Buffer.from([0xff, 0xfe, 0]),
  ]
  for (const frame of first) {
    const client = await connect(t, http.url)
    client.socket.send(frame)
    client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
    const { code } = await client.closed
    assert.equal(code, 4401, String(frame).slice(0, 60))
    assert.deepEqual(
      client.frames.map(({ op, code: error }) => [op, error]),
      [['error', 'unauthenticated']],
    )
  }
  await until('all are gone', () => http.sockets.count() === 0)
})

test('a token of other containers hears of its own only', async (t) => {
  const { url, write } = await start(t)
  const client = await connect(t, url, bearer(limited))
  client.ask({ op: 'subscribe', containerId: 'c-2', afterSeq: 0 })
  client.ask({ op: 'subscribe', containerId: 'c-9' })
  client.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  await until('live', () => client.of('live').length === 1)
  write('c-2', says('more of c-2'))
  write('c-1', says('more of c-1'))
  await until('the live event', () => client.seqs().length === 3)
  assert.deepEqual(
    client.of('error').map(({ code, containerId }) => [code, containerId]),
    [
      ['container_not_allowed', 'c-2'],
      ['container_not_allowed', 'c-9'],
    ],
  )
  assert.ok(!JSON.stringify(client.frames).includes('of c-2'))
})

test('who has not said who it is hears nothing of a shutdown, but of its close', async (t) => {
  const http = await start(t)
  const stranger = await connect(t, http.url)
  const known = await connect(t, http.url, bearer(reader))
  http.sockets.quiet()
  await until('the notice', () => known.of('service.draining').length === 1)
  assert.deepEqual(stranger.frames, [])
  stranger.ask({ op: 'auth', token: reader })
  await until('the notice', () => stranger.of('service.draining').length === 1)
})

test('a socket and an event stream end with their token', async (t) => {
  const issuer = await startIssuer(t)
  const http = await startHttp(t, { env: issuer.env })
  http.write('c-1', registered)
  const token = await issuer.sign({ scope: 'baton:read' }, { expires: Math.ceil(Date.now() / 1000) + 1 })
  const stream = await fetch(`${http.url}/v1/containers/c-1/events/stream`, { headers: bearer(token) })
  assert.equal(stream.status, 200)
  const client = await connect(t, http.url, bearer(token))
  assert.equal((await client.closed).code, 4401)
  await assert.rejects(stream.text())
  await until('the stream is gone', () => http.streams.count() === 0)
})

/** Sockets that go through `admit` alone. */
async function startAdmission(t: TestContext, authenticate: () => Promise<never>, ms: number) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => server.close())
  server.on('connection', (socket) => admit(socket, { authenticate }, () => assert.fail('let in'), ms))
  await once(server, 'listening')
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => socket.terminate())
  const frames: string[] = []
  socket.on('message', (data: RawData) => frames.push((data as Buffer).toString()))
  const closed = once(socket, 'close').then(([code]) => Number(code))
  await once(socket, 'open')
  return { socket, closed, frames }
}

test('who does not say who it is in time is closed with 4401', async (t) => {
  const { closed, frames } = await startAdmission(t, () => assert.fail('asked'), 50)
  assert.equal(await closed, 4401)
  assert.match(frames.join(), /unauthenticated/)
})

test('when the issuer is away the client is told to come back, not to throw its token away', async (t) => {
  const away = () => Promise.reject(new Error('away'))
  const { socket, closed, frames } = await startAdmission(t, away, 5000)
  socket.send('{"op":"auth","token":"x"}')
  assert.equal(await closed, 1013)
  assert.match(frames.join(), /issuer_unavailable/)
})

test('what comes while a token is checked is bounded', async (t) => {
  const { socket, closed } = await startAdmission(t, () => new Promise<never>(() => {}), 20_000)
  socket.send('{"op":"auth","token":"x"}')
  for (let n = 0; n < 100; n += 1) socket.send('x'.repeat(1000))
  assert.equal(await closed, 4401)
})
