import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { Problem } from '../../src/http/problem.ts'
import { createClient } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const json = { 'content-type': 'application/json' }
const unknown = '3f2b8c1e-0f3d-4c58-9a51-0d6f7d1f2a11'

test('everything that is refused is a problem with a code', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, {
    redis,
    env: { MAX_BODY_BYTES: '20000', MAX_INSTRUCTION_BYTES: '1000' },
  })
  await createClient(service.url).register('c-1')
  const instructions = '/v1/containers/c-1/instructions'
  const cases: [string, string, RequestInit, number, string][] = [
    ['an unknown route', '/nope', {}, 404, 'route_not_found'],
    ['an unknown container', '/v1/containers/c-2', {}, 404, 'container_not_found'],
    ['a container id that could be a path', '/v1/containers/..%2Fx', {}, 400, 'validation_failed'],
    ['dots alone', '/v1/containers/%2e%2e', { method: 'PUT' }, 404, 'route_not_found'],
    [
      'a container id that is too long',
      `/v1/containers/${'x'.repeat(65)}`,
      { method: 'PUT' },
      400,
      'validation_failed',
    ],
    [
      'an instruction of an unknown container',
      '/v1/containers/c-2/instructions',
      { method: 'POST', headers: json, body: '{"text":"x"}' },
      404,
      'container_not_found',
    ],
    ['an unknown instruction', `${instructions}/${unknown}`, {}, 404, 'instruction_not_found'],
    ['an instruction id that is no UUID', `${instructions}/7`, {}, 400, 'validation_failed'],
    [
      'cancelling an unknown instruction',
      `${instructions}/${unknown}/cancel`,
      { method: 'POST' },
      404,
      'instruction_not_found',
    ],
    ['bad JSON', instructions, { method: 'POST', headers: json, body: '{"text":' }, 400, 'invalid_json'],
    ['an empty body', instructions, { method: 'POST', headers: json, body: '' }, 400, 'invalid_json'],
    ['no body', instructions, { method: 'POST' }, 400, 'validation_failed'],
    [
      'a wrong type',
      instructions,
      { method: 'POST', headers: json, body: '{"text":7}' },
      400,
      'validation_failed',
    ],
    [
      'an empty text',
      instructions,
      { method: 'POST', headers: json, body: '{"text":""}' },
      400,
      'validation_failed',
    ],
    [
      'an unknown field',
      instructions,
      { method: 'POST', headers: json, body: '{"text":"x","txet":"y"}' },
      400,
      'validation_failed',
    ],
    [
      'an unknown policy',
      instructions,
      { method: 'POST', headers: json, body: '{"text":"x","resumePolicy":"maybe"}' },
      400,
      'validation_failed',
    ],
    [
      'a form',
      instructions,
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"text":"x"}' },
      415,
      'unsupported_media_type',
    ],
    [
      'a text of too many bytes',
      instructions,
      { method: 'POST', headers: json, body: JSON.stringify({ text: 'ü'.repeat(501) }) },
      413,
      'instruction_too_large',
    ],
    [
      'a body of too many bytes',
      instructions,
      { method: 'POST', headers: json, body: JSON.stringify({ text: 'x'.repeat(20_000) }) },
      413,
      'body_too_large',
    ],
    ['a cursor that is no number', '/v1/containers/c-1/events?afterSeq=x', {}, 400, 'validation_failed'],
    ['a page that is too large', '/v1/containers?limit=1000000', {}, 400, 'validation_failed'],
    ['a cursor that we never gave', '/v1/containers?cursor=%00', {}, 400, 'validation_failed'],
    [
      'an interrupt when nothing runs',
      '/v1/containers/c-1/interrupt',
      { method: 'POST' },
      409,
      'nothing_running',
    ],
    [
      'a page of another site',
      '/v1/containers',
      { headers: { origin: 'https://evil.example' } },
      403,
      'host_not_allowed',
    ],
  ]
  for (const [what, path, init, status, code] of cases) {
    const response = await fetch(`${service.url}${path}`, init)
    const problem = (await response.json()) as Problem
    assert.equal(`${response.status} ${problem.code}`, `${status} ${code}`, what)
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/, what)
    assert.equal(problem.type, `urn:baton:error:${code}`, what)
    assert.equal(problem.status, status, what)
    assert.ok(problem.title && problem.detail && problem.requestId, what)
    assert.ok(!JSON.stringify(problem).includes('node_modules'), what)
  }
})

test('bytes that are no HTTP request get a problem too', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('this is no HTTP\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 400 [\s\S]*application\/problem\+json[\s\S]*validation_failed/)
})

test('a name that was rebound to this machine is refused', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('GET /v1/containers HTTP/1.1\r\nHost: evil.example\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 403 [\s\S]*host_not_allowed/)
})

test('without Redis a write is refused with 503 and a time to come back, and the history still answers', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  await redis.kill('SIGKILL')
  const refused = await client.call('POST', '/v1/containers/c-1/instructions', { text: 'x' })
  assert.equal(refused.status, 503)
  assert.equal((refused.body as Problem).code, 'redis_unavailable')
  assert.ok(Number(refused.headers.get('retry-after')) > 0)
  assert.equal((await client.call('GET', '/v1/containers/c-1')).status, 200)
  assert.equal((await client.call('GET', '/livez')).status, 200)
  const ready = await client.call('GET', '/readyz')
  assert.equal(ready.status, 503)
  assert.equal((ready.body as { checks: { redis: { ok: boolean } } }).checks.redis.ok, false)
})
