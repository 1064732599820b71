import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, subscribe, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const quick = {
  HEALTH_INTERVAL_SECONDS: '0.2',
  HEALTH_PING_TIMEOUT_SECONDS: '0.5',
  RECOVERY_DELAY_SECONDS: '0.2',
  TURN_STALL_SECONDS: '1',
}
const healthTypes = new Set(['health', 'recovering', 'recovered', 'recovery_failed'])

test('an agent that crashes is resumed in its session, and only its own subscribers hear of it', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: quick })
  const client = createClient(service.url)
  await client.register('a')
  await client.register('b')
  const a = await subscribe(t, service.url, 'a', 0)
  const b = await subscribe(t, service.url, 'b', 0)
  const { id } = await client.submit('a', 'crash once')
  const ended = await client.waitFor('a', id, 'succeeded')
  assert.deepEqual(
    ended.interruptions.map(({ cause }) => cause),
    ['crash'],
  )
  assert.equal(ended.attempts, 2)
  await until('recovered is heard', () => a.events().some(({ type }) => type === 'recovered'))
  const heard = a.events().filter(({ type }) => healthTypes.has(type))
  assert.deepEqual(
    heard.map(({ type }) => type),
    ['health', 'recovering', 'recovered', 'health'],
  )
  assert.deepEqual(heard[1]?.data, { attempt: 1, maxAttempts: 3, reason: 'exited' })
  assert.deepEqual(
    b.events().filter(({ type }) => healthTypes.has(type)),
    [],
  )
})

for (const directive of ['hang', 'freeze']) {
  test(`an agent that does not go on (${directive}) is killed and its instruction fails at the third time`, async (t) => {
    const redis = await startRedis(t)
    const service = await startService(t, { redis, env: quick })
    const client = createClient(service.url)
    await client.register('a')
    const { id } = await client.submit('a', directive)
    const next = await client.submit('a', 'works again')
    const ended = await client.waitFor('a', id, 'failed', 40_000)
    assert.equal(ended.error?.code, 'crash_limit')
    assert.deepEqual(
      ended.interruptions.map(({ cause }) => cause),
      ['hang', 'hang', 'hang'],
    )
    await client.waitFor('a', next.id, 'succeeded')
  })
}

test('an agent that never starts puts its container in quarantine until the recovery is reset', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { ...quick, AGENT_COMMAND: '/bin/false' } })
  const client = createClient(service.url)
  await client.register('a')
  const a = await subscribe(t, service.url, 'a', 0)
  const { id } = await client.submit('a', 'never')
  const failed = await until('recovery_failed', () =>
    a.events().find(({ type }) => type === 'recovery_failed'),
  )
  assert.deepEqual(failed.data, { attempts: 3, reason: 'exited', message: 'manual intervention required' })
  assert.deepEqual(
    a
      .events()
      .filter(({ type }) => type === 'recovering')
      .map(({ data }) => data.attempt),
    [1, 2, 3],
  )
  assert.equal((await client.instruction('a', id)).state, 'queued')
  await client.call('POST', '/v1/containers/a/recovery/reset')
  await until('it is tried again', () => a.events().filter(({ type }) => type === 'recovering').length > 3)
})

test('a crash inside a tool call waits for a decision and blocks the queue until then', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: quick })
  const client = createClient(service.url)
  await client.register('a')
  const a = await subscribe(t, service.url, 'a', 0)
  const { id } = await client.submit('a', 'tool 60s')
  const next = await client.submit('a', 'after')
  await until('the tool is open', () => a.events().some(({ type }) => type === 'agent.tool_use'))
  const started = a.events().find(({ type }) => type === 'daemon.started')
  process.kill(Number(started?.data.pid), 'SIGKILL')
  await client.waitFor('a', id, 'needs_decision')
  assert.equal((await client.instruction('a', next.id)).state, 'queued')
  assert.equal((await client.call('POST', `/v1/containers/a/instructions/${id}/cancel`)).status, 200)
  await client.waitFor('a', id, 'cancelled')
  await client.waitFor('a', next.id, 'succeeded')
})
