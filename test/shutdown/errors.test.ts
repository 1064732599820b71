import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createClient } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { type TestService, startService } from '../support/service.ts'
import { steps } from './lines.ts'

const entry = 'faulty-main.ts'
const waiting = 'Waiting for active workers to finish (max 3s)...'
const count = (service: TestService, message: string) =>
  service.messages().filter((msg) => msg === message).length

function reportOf(service: TestService) {
  const line = service.lines.find(({ msg }) => msg === 'Shutdown report')
  return line?.report as { reason: string; exitCode: number; steps: { name: string; outcome: string }[] }
}

describe('an error that nobody caught', { concurrency: 2 }, () => {
  for (const [trigger, reason] of [
    ['SIGUSR2', 'Uncaught exception'],
    ['SIGHUP', 'Unhandled rejection'],
  ] as const) {
    test(`${reason}: it is logged with its stack, the seven steps run, exit 1`, async (t) => {
      const redis = await startRedis(t)
      const service = await startService(t, { redis, entry })
      service.signal(trigger)
      const { code, ms } = await service.exited
      assert.equal(code, 1)
      assert.ok(ms < 5000, `took ${ms} ms`)
      const { err } = service.lines.find(({ msg }) => msg === reason) as unknown as { err: { stack: string } }
      assert.match(err.stack, /on purpose\n +at /)
      const report = reportOf(service)
      assert.equal(report.reason, reason)
      assert.deepEqual(
        report.steps.map(({ name, outcome }) => [name, outcome]),
        steps.map((step) => [step, 'ok']),
      )
    })
  }

  test('a signal meanwhile does not cut its shutdown short', async (t) => {
    const redis = await startRedis(t)
    const service = await startService(t, { redis, entry, env: { WORKERS_BUDGET_SECONDS: '3' } })
    const client = createClient(service.url)
    await client.register('c-1')
    const { id } = await client.submit('c-1', 'sleep 60s')
    await client.waitFor('c-1', id, 'running')
    service.signal('SIGUSR2')
    await service.waitForLog(waiting)
    service.signal('SIGTERM')
    assert.equal((await service.exited).code, 1)
    assert.equal(count(service, 'HTTP server closed'), 1)
    assert.equal(count(service, 'Database closed'), 1)
    assert.equal(count(service, 'Second signal, exiting at once'), 0)
  })

  test('one in the middle of a shutdown begins no second one, and makes its exit code 1', async (t) => {
    const redis = await startRedis(t)
    const service = await startService(t, { redis, entry, env: { WORKERS_BUDGET_SECONDS: '3' } })
    const client = createClient(service.url)
    await client.register('c-1')
    const { id } = await client.submit('c-1', 'sleep 60s')
    await client.waitFor('c-1', id, 'running')
    service.signal('SIGTERM')
    await service.waitForLog(waiting)
    service.signal('SIGHUP')
    assert.equal((await service.exited).code, 1)
    assert.equal(count(service, 'Received shutdown signal, starting graceful shutdown'), 1)
    assert.equal(reportOf(service).reason, 'SIGTERM')
    assert.ok(reportOf(service).steps.every(({ outcome }) => outcome === 'ok'))
    assert.equal(service.messages().at(-2), 'Shutdown completed with failures')
  })
})
