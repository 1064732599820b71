import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { WebSocket } from 'ws'
import type { Problem } from '../../../src/http/problem.ts'
import { until } from '../../support/client.ts'
import { connect, registered, startHttp, type TestHttp } from '../support.ts'

async function upgradeAnswer(url: string) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`)
  socket.on('error', () => {})
  const [, answer] = (await once(socket, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string>; destroy(): void },
  ]
  answer.destroy()
  return answer
}

/** Sends what `pieces` gives, one each 100 ms, and gives what came back and how long the server had patience. */
async function trickle(t: TestContext, http: TestHttp, start: string, piece: string) {
  const socket = connectTcp(Number(new URL(http.url).port), '127.0.0.1')
  socket.on('error', () => {})
  t.after(() => socket.destroy())
  const startedAt = performance.now()
  let answer = ''
  socket.on('data', (data: Buffer) => {
    answer += data.toString()
  })
  socket.write(start)
  const timer = setInterval(() => socket.writable && socket.write(piece), 100)
  t.after(() => clearInterval(timer))
  await once(socket, 'close')
  clearInterval(timer)
  return { answer, ms: performance.now() - startedAt }
}

test('sockets and event streams over the limit of the process are refused, and one that ends makes room', async (t) => {
  const http = await startHttp(t, { env: { MAX_SOCKETS: '2' } })
  http.write('c-1', registered)
  const first = await connect(t, http.url)
  const stream = await fetch(`${http.url}/v1/containers/c-1/events/stream`)
  assert.equal(stream.status, 200)
  const refused = await upgradeAnswer(http.url)
  assert.equal(`${refused.statusCode} ${refused.headers['retry-after']}`, '503 5')
  const problem = await fetch(`${http.url}/v1/containers/c-1/events/stream`)
  assert.equal(`${problem.status} ${problem.headers.get('retry-after')}`, '503 5')
  assert.equal(((await problem.json()) as Problem).code, 'too_many_sockets')
  first.socket.close()
  await until('room', () => http.audience.size() === 1)
  await connect(t, http.url)
  await stream.body?.cancel()
  await until('room', () => http.audience.size() === 1)
})

test('followers of one container are limited, those of another are not, and a failed one takes no place', async (t) => {
  const http = await startHttp(t, { env: { MAX_SOCKETS_PER_CONTAINER: '1' } })
  http.write('c-1', registered)
  http.write('c-2', registered)
  const [one, two] = [await connect(t, http.url), await connect(t, http.url)]
  one.ask({ op: 'subscribe', containerId: 'c-1' })
  await until('live', () => one.of('live').length === 1)
  one.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  await until('live again in its own place', () => one.of('live').length === 2)
  two.ask({ op: 'subscribe', containerId: 'c-1' })
  await until('refused', () => two.of('error').length === 1)
  assert.equal(two.of('error')[0]?.code, 'too_many_followers')
  const stream = await fetch(`${http.url}/v1/containers/c-1/events/stream`)
  assert.equal(`${stream.status} ${stream.headers.get('retry-after')}`, '429 5')
  await stream.body?.cancel()
  two.ask({ op: 'subscribe', containerId: 'c-2' })
  await until('live', () => two.of('live').length === 1)
  two.ask({ op: 'subscribe', containerId: 'unknown' })
  await until('unknown', () => two.of('error').length === 2)
  assert.equal(http.audience.followers('unknown'), 0)
  one.ask({ op: 'unsubscribe', containerId: 'c-1' })
  await until('unsubscribed', () => one.of('unsubscribed').length === 1)
  two.ask({ op: 'subscribe', containerId: 'c-1' })
  await until('live', () => two.of('live').length === 2)
  two.socket.terminate()
  await until('nobody', () => http.audience.followers('c-1') + http.audience.followers('c-2') === 0)
})

test('headers that never end are 408 after their time, and a body after the time of the whole request', async (t) => {
  const http = await startHttp(t, {
    env: { HEADERS_TIMEOUT_SECONDS: '1', REQUEST_TIMEOUT_SECONDS: '3' },
  })
  const [headers, body] = await Promise.all([
    trickle(t, http, 'GET /livez HTTP/1.1\r\nHost: localhost\r\n', 'X-A: b\r\n'),
    trickle(
      t,
      http,
      'PUT /v1/containers/c-1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{',
      ' ',
    ),
  ])
  assert.match(headers.answer, /^HTTP\/1\.1 408 [^]*"code":"request_timeout"/)
  assert.match(body.answer, /^HTTP\/1\.1 408 [^]*"code":"request_timeout"/)
  assert.ok(headers.ms >= 900 && headers.ms < body.ms, `${headers.ms} ${body.ms}`)
  assert.ok(body.ms >= 2900, String(body.ms))
})

test('MAX_HEADER_BYTES is the limit of headers, in both directions', async (t) => {
  const value = { 'x-long': 'x'.repeat(20_000) }
  const strict = await startHttp(t)
  const answer = await fetch(`${strict.url}/livez`, { headers: value })
  assert.equal(answer.status, 431)
  assert.equal(((await answer.json()) as Problem).code, 'headers_too_large')
  const wide = await startHttp(t, { env: { MAX_HEADER_BYTES: '32768' } })
  assert.equal((await fetch(`${wide.url}/livez`, { headers: value })).status, 200)
})

test('a process whose event loop is late refuses with a hint, and still answers its probes', async (t) => {
  const { app } = await startHttp(t, { env: { MAX_EVENT_LOOP_DELAY_MS: '20' } })
  const busy = setInterval(() => {
    const endsAt = performance.now() + 200
    while (performance.now() < endsAt);
  }, 1)
  t.after(() => clearInterval(busy))
  const refused = await until('refused', async () => {
    const answer = await app.inject({ url: '/v1/containers' })
    return answer.statusCode === 503 && answer
  })
  assert.equal(`${refused.json<Problem>().code} ${refused.headers['retry-after']}`, 'overloaded 2')
  assert.equal((await app.inject({ url: '/livez' })).statusCode, 200)
  clearInterval(busy)
  await until('served', async () => (await app.inject({ url: '/v1/containers' })).statusCode === 200)
})

test('an answer can be nothing but data in a browser; the documentation runs its own scripts only', async (t) => {
  const { app } = await startHttp(t)
  for (const url of ['/livez', '/v1/containers', '/v1/nothing']) {
    const { headers } = await app.inject({ url })
    assert.equal(headers['content-security-policy'], "default-src 'none';frame-ancestors 'none'", url)
    assert.equal(headers['x-content-type-options'], 'nosniff', url)
    assert.equal(headers['strict-transport-security'], undefined)
  }
  const page = await app.inject({ url: '/docs/' })
  assert.equal(page.statusCode, 200)
  const policy = String(page.headers['content-security-policy'])
  assert.match(policy, /script-src 'self';/)
  assert.doesNotMatch(policy, /upgrade-insecure-requests/)
  assert.doesNotMatch(page.body, /<script(?![^>]*\bsrc=)[^>]*>\s*\S/, 'a script that the policy would stop')
})
