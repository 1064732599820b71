import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { Redis } from 'ioredis'
import { WebSocket } from 'ws'
import type { Problem } from '../../../src/http/problem.ts'
import { startRedis } from '../../support/redis.ts'
import { type HttpOptions, startHttp, type TestHttp } from '../support.ts'

const path = '/v1/containers'
const tokens = { a: 'a-token-of-sixteen', b: 'b-token-of-sixteen' }
const limited = { RATE_LIMIT_PER_MINUTE: '5', API_TOKENS: Object.values(tokens).join(' ') }

async function connectRedis(t: TestContext, url: string) {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, enableOfflineQueue: false, commandTimeout: 2000 })
  redis.on('error', () => {})
  t.after(() => redis.disconnect())
  await once(redis, 'ready')
  return redis
}

async function startLimited(t: TestContext, url: string, options: HttpOptions = {}) {
  return startHttp(t, { env: limited, redis: await connectRedis(t, url), ...options })
}

const ask = ({ app }: TestHttp, token: string | null, url = path) =>
  app.inject({ url, ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }) })

async function statuses(http: TestHttp, token: string | null, count: number) {
  const found: number[] = []
  for (let n = 0; n < count; n += 1) found.push((await ask(http, token)).statusCode)
  return found
}

test('two pods count one token together, another token for itself, and the refusal says when', async (t) => {
  const { url } = await startRedis(t)
  const [one, two] = [await startLimited(t, url), await startLimited(t, url)]
  const first = await ask(one, tokens.a)
  assert.equal(first.statusCode, 200)
  const { 'ratelimit-limit': limit, 'ratelimit-remaining': remaining } = first.headers
  assert.deepEqual([Number(limit), Number(remaining)], [5, 4])
  assert.deepEqual(await statuses(one, tokens.a, 2), [200, 200])
  assert.deepEqual(await statuses(two, tokens.a, 3), [200, 200, 429])
  assert.deepEqual(await statuses(one, tokens.b, 1), [200])
  const refused = await ask(one, tokens.a)
  assert.match(String(refused.headers['content-type']), /^application\/problem\+json/)
  assert.equal(refused.json<Problem>().code, 'rate_limited')
  const seconds = Number(refused.headers['retry-after'])
  assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`)
})

test('probes and metrics are not counted', async (t) => {
  const { url } = await startRedis(t)
  const http = await startLimited(t, url)
  await statuses(http, tokens.a, 6)
  for (const open of ['/livez', '/readyz', '/metrics'])
    for (let n = 0; n < 7; n += 1) assert.equal((await ask(http, tokens.a, open)).statusCode, 200, open)
})

test('guessing tokens is counted for the address, whatever is guessed, and costs no token its rate', async (t) => {
  const { url } = await startRedis(t)
  const http = await startLimited(t, url)
  const found: number[] = []
  for (let n = 0; n < 7; n += 1) found.push((await ask(http, `guess-number-${n}-of-many`)).statusCode)
  assert.deepEqual(found, [401, 401, 401, 401, 401, 429, 429])
  assert.deepEqual(await statuses(http, tokens.a, 2), [200, 200])
})

test('without authentication the address is the caller; sockets count too', async (t) => {
  const { url } = await startRedis(t)
  const http = await startLimited(t, url, {
    env: { RATE_LIMIT_PER_MINUTE: '5' },
    redis: await connectRedis(t, url),
  })
  assert.deepEqual(await statuses(http, null, 5), [200, 200, 200, 200, 200])
  const socket = new WebSocket(`${http.url.replace('http', 'ws')}/claude-daemon`)
  socket.on('error', () => {})
  const [, answer] = (await once(socket, 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string>; destroy(): void },
  ]
  assert.equal(answer.statusCode, 429)
  assert.ok(Number(answer.headers['retry-after']) >= 1)
  answer.destroy()
})

test('without Redis nobody is refused and nobody waits', async (t) => {
  const server = await startRedis(t)
  const http = await startLimited(t, server.url)
  assert.deepEqual(await statuses(http, tokens.a, 1), [200])
  await server.kill()
  const startedAt = performance.now()
  assert.deepEqual(new Set(await statuses(http, tokens.a, 20)), new Set([200]))
  const ms = performance.now() - startedAt
  assert.ok(ms < 2000, `20 requests took ${ms} ms`)
})

test('a Redis that hangs costs one short wait, not one a request', async (t) => {
  const server = await startRedis(t)
  const http = await startLimited(t, server.url)
  assert.deepEqual(await statuses(http, tokens.a, 1), [200])
  const blocker = await connectRedis(t, server.url)
  await blocker.call('CLIENT', 'PAUSE', '5000', 'ALL')
  const startedAt = performance.now()
  assert.deepEqual(new Set(await statuses(http, tokens.a, 20)), new Set([200]))
  const ms = performance.now() - startedAt
  assert.ok(ms >= 200 && ms < 2000, `20 requests took ${ms} ms`)
})

test('0 is no limit', async (t) => {
  const http = await startHttp(t, { env: { RATE_LIMIT_PER_MINUTE: '0' } })
  assert.deepEqual(new Set(await statuses(http, null, 30)), new Set([200]))
})
