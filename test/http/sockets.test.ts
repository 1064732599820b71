import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { createDeadline } from '../../src/deadline.ts'
import { until } from '../support/client.ts'
import { connect, registered, startHttp } from './support.ts'

test('at the stop every client hears when to come back, and one that is silent is cut off in time', async (t) => {
  const http = await startHttp(t)
  const clients = await Promise.all(Array.from({ length: 40 }, () => connect(t, http.url)))
  const silent = await connect(t, http.url)
  silent.socket.pause()
  http.sockets.quiet()
  for (const client of clients) {
    const [notice] = await until('the notice', () => {
      const found = client.of('service.draining')
      return found.length > 0 && found
    })
    assert.ok(Date.parse(String(notice?.deadline)) > Date.now())
  }
  const startedAt = performance.now()
  await http.sockets.stop(createDeadline(http.sockets.budgetMs))
  const ms = performance.now() - startedAt
  assert.ok(ms < http.sockets.budgetMs, `took ${ms} ms`)
  const hints = await Promise.all(clients.map(({ closed }) => closed))
  for (const { code, reason } of hints) {
    assert.equal(code, 1012)
    assert.ok((JSON.parse(reason) as { retryAfterMs: number }).retryAfterMs > 0)
  }
  assert.ok(new Set(hints.map(({ reason }) => reason)).size > 1, 'they do not all come back at once')
  await until('all are gone', () => http.sockets.count() === 0)
  assert.equal(http.sockets.closedCount(), 41)
})

test('who connects while the service drains is told too; after the stop there is 503', async (t) => {
  const http = await startHttp(t)
  http.sockets.quiet()
  const client = await connect(t, http.url)
  await until('the notice', () => client.of('service.draining').length === 1)
  await http.sockets.stop(createDeadline(http.sockets.budgetMs))
  const refused = new WebSocket(`${http.url.replace('http', 'ws')}/claude-daemon`)
  const [error] = (await once(refused, 'error')) as [Error]
  assert.match(error.message, /503/)
})

test('asked without an upgrade, the socket is a problem like every other', async (t) => {
  const { app } = await startHttp(t)
  const answer = await app.inject('/claude-daemon')
  assert.equal(answer.statusCode, 404)
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
})

test('a frame that is too large ends its own socket and no other', async (t) => {
  const http = await startHttp(t)
  http.write('c-1', registered)
  const [greedy, other] = [await connect(t, http.url), await connect(t, http.url)]
  greedy.socket.send('x'.repeat(1024 * 1024 + 1))
  assert.equal((await greedy.closed).code, 1009)
  other.ask({ op: 'subscribe', containerId: 'c-1', afterSeq: 0 })
  await until('live', () => other.of('live').length === 1)
})

test('one lost pong is forgiven, two are not', async (t) => {
  const http = await startHttp(t, { env: { PING_SECONDS: '0.2' } })
  const { socket } = await connect(t, http.url)
  let pings = 0
  let firstAt = 0
  socket.on('ping', () => {
    pings += 1
    // Its automatic answer to this one has gone; it is deaf from the second on.
    if (pings > 1) return
    firstAt = performance.now()
    socket.pause()
  })
  await until('it was dropped', () => http.sockets.count() === 0)
  const ms = performance.now() - firstAt
  assert.ok(
    ms > 500,
    `dropped ${ms} ms after the ping that it answered, the two lost ones are at 200 and 400`,
  )
})
