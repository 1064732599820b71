import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('a signal while Redis does not answer yet ends the start, exit 0', async (t) => {
  const redis = { url: `redis://127.0.0.1:${await freePort()}` }
  const service = await startService(t, { redis, isReadyAwaited: false })
  const { url } = await service.waitForLog('Listening')
  await service.waitForLog('Redis connection failed')
  assert.equal((await fetch(`${String(url)}/livez`)).status, 200)
  assert.equal((await fetch(`${String(url)}/startupz`)).status, 503)
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 0)
  assert.ok(ms < 2000, `took ${ms} ms`)
  assert.deepEqual(service.messages().slice(-3), [
    'Database closed',
    'Graceful shutdown completed',
    'Shutdown report',
  ])
})

test('a signal while the service is still being built is not lost, exit 0', async (t) => {
  const redis = await startRedis(t)
  const env = { FAULT: 'app:slow' }
  const service = await startService(t, { redis, entry: 'faulty-main.ts', env, isReadyAwaited: false })
  await service.waitForLog('Building')
  service.signal('SIGTERM')
  assert.equal((await service.exited).code, 0)
  const messages = ['Received shutdown signal, starting graceful shutdown', 'Graceful shutdown completed']
  assert.deepEqual(service.messages().slice(1), [...messages, 'Shutdown report'])
})

test('the PID file is there while the service runs', async (t) => {
  const redis = await startRedis(t)
  const dir = mkdtempSync(join(tmpdir(), 'baton-pid-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const pidFile = join(dir, 'baton.pid')
  const service = await startService(t, { redis, env: { PID_FILE: pidFile } })
  assert.equal(readFileSync(pidFile, 'utf8'), `${service.pid}\n`)
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
  assert.equal((await service.exited).code, 0)
  assert.ok(!existsSync(pidFile))
})

test('a grace period that is shorter than the budgets is warned of at the start', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { TERMINATION_GRACE_PERIOD_SECONDS: '30' } })
  const warning = service.lines.find(({ level }) => level === 'warn')
  assert.match(String(warning?.msg), /^TERMINATION_GRACE_PERIOD_SECONDS is 30, but a shutdown may take 49 s/)
})

test('in the drain window it serves as before, and requests in its last fifth are counted', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { DRAIN_SECONDS: '1.5' } })
  const client = createClient(service.url)
  await client.register('c-1')
  service.signal('SIGTERM')
  await service.waitForLog('Received shutdown signal, starting graceful shutdown')
  const seen = new Set<number>()
  const stopped = () => service.messages().includes('Stopping health monitors...')
  await until('the window is over', async () => {
    if (stopped()) return true
    const ready = await client.call('GET', '/readyz')
    const { status } = await client.call('GET', '/v1/containers/c-1')
    if (!stopped()) {
      assert.equal(ready.status, 503)
      assert.equal(ready.headers.get('connection'), 'close')
      seen.add(status)
    }
    return false
  })
  assert.deepEqual([...seen], [200])
  assert.equal((await service.exited).code, 0)
  const line = service.lines.find(({ msg }) => msg === 'Shutdown report')
  const report = line?.report as { drainMs: number; lateRequests: number }
  assert.ok(report.drainMs >= 1490 && report.drainMs < 2500, `drained ${report.drainMs} ms`)
  assert.ok(report.lateRequests > 0)
})
