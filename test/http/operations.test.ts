import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProbes } from '../../src/http/probes.ts'
import { createClient } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('a check that hangs is bounded, and all who ask meanwhile share one round', async () => {
  let asked = 0
  const hang = () => {
    asked += 1
    return new Promise(() => {})
  }
  const probes = createProbes({
    checks: [
      { name: 'redis', check: hang },
      { name: 'sqlite', check: () => 'fine' },
    ],
    drain: { isDraining: () => false },
    isStarted: () => true,
  })
  const answers = await Promise.all([probes.readiness(), probes.readiness(), probes.readiness()])
  assert.equal(asked, 1)
  for (const { status, checks } of answers) {
    assert.equal(status, 'unready')
    assert.deepEqual(checks, {
      redis: { ok: false, error: 'no answer within 1000 ms' },
      sqlite: { ok: true },
    })
  }
})

test('a draining service is not ready, whatever its checks say', async () => {
  const probes = createProbes({ checks: [], drain: { isDraining: () => true }, isStarted: () => true })
  assert.equal((await probes.readiness()).status, 'draining')
})

test('probes tolerate query strings, and the documentation is served', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  for (const path of ['/livez?a=1', '/readyz?verbose', '/startupz?x', '/version']) {
    assert.equal((await client.call('GET', path)).status, 200, path)
  }
  const openapi = (await client.call('GET', '/openapi.json')).body as {
    openapi: string
    paths: Record<string, object>
  }
  assert.equal(openapi.openapi, '3.1.0')
  assert.ok('post' in (openapi.paths['/v1/containers/{containerId}/instructions'] ?? {}))
  const docs = await fetch(`${service.url}/docs`)
  assert.equal(docs.status, 200)
  assert.match(await docs.text(), /swagger-ui/)
})

test('metrics follow the naming rules, carry no container, and count what happened', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('secret-container')
  for (const text of ['one', 'two', 'fail']) await client.submit('secret-container', text)
  const last = await client.submit('secret-container', 'last')
  await client.waitFor('secret-container', last.id, 'succeeded')
  await client.call('GET', '/nope')

  const text = await (await fetch(`${service.url}/metrics`)).text()
  assert.ok(!text.includes('secret-container'))
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }))
  for (const { name, type } of names) {
    assert.match(name, /^(baton|process|nodejs)_[a-z0-9_]+$/)
    if (name.startsWith('baton_')) assert.equal(name.endsWith('_total'), type === 'counter', name)
  }
  const value = (line: RegExp) => Number(line.exec(text)?.[1])
  assert.equal(value(/^baton_instructions_total\{outcome="succeeded"\} (\d+)$/m), 3)
  assert.equal(value(/^baton_instructions_total\{outcome="failed"\} (\d+)$/m), 1)
  assert.equal(value(/^baton_instruction_wait_seconds_count (\d+)$/m), 4)
  assert.equal(value(/^baton_queue_depth (\d+)$/m), 0)
  assert.equal(value(/^baton_daemons\{state="ready"\} (\d+)$/m), 1)
  assert.equal(value(/^baton_shutdown_phase\{phase="running"\} (\d+)$/m), 1)
  assert.match(
    text,
    /^baton_http_request_duration_seconds_count\{method="GET",route="none",status="404"\} 1$/m,
  )
})
