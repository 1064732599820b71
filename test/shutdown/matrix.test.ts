import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { openHistory } from '../../src/history/open.ts'
import { createClient, subscribe } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { type Step, assertShutdownLines, steps } from './lines.ts'

/** What a step may take at most, in ms, when it hangs: its own budget, or what the others then have left. */
const workersMs = 1000
const budgets: Record<Step, number> = {
  'health-monitor': 1000,
  workers: workersMs,
  daemons: 5000,
  queues: 3000,
  websocket: 3000,
  http: 5000,
  database: 2000,
}
const afterFailureMs = 5000
const slackMs = 3000

describe('a broken step of the shutdown', { concurrency: 4 }, () => {
  for (const step of steps) {
    for (const fault of ['throw', 'hang'] as const) {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        test(`${step} that does ${fault} at ${signal} is logged, the others run, exit 1`, async (t) => {
          const redis = await startRedis(t)
          const env = { FAULT: `${step}:${fault}`, WORKERS_BUDGET_SECONDS: String(workersMs / 1000) }
          const service = await startService(t, { redis, entry: 'faulty-main.ts', env })
          const client = createClient(service.url)
          await client.register('c-1')
          const first = await client.submit('c-1', 'one')
          await client.waitFor('c-1', first.id, 'succeeded')
          await client.call('POST', '/v1/containers/c-1/queue/pause')
          const waiting = await client.submit('c-1', 'waits')
          const socket = await subscribe(t, service.url, 'c-1', 0)

          service.signal(signal)
          const { code, ms } = await service.exited
          assert.equal(code, 1)
          assert.ok(ms < (fault === 'hang' ? budgets[step] : 0) + afterFailureMs + slackMs, `took ${ms} ms`)
          assertShutdownLines(
            service,
            steps.filter((one) => one !== step),
            'Shutdown completed with failures',
          )
          const said = fault === 'hang' ? 'Shutdown step ran out of time' : 'Shutdown step failed'
          assert.equal(service.lines.find(({ msg }) => msg === said)?.step, step)
          const { code: closeCode } = await socket.closed
          assert.equal(closeCode, step === 'websocket' ? 1006 : 1012)

          const report = JSON.parse(
            await readFile(join(service.dataDir, 'termination-log'), 'utf8').catch(() => 'null'),
          ) as unknown
          assert.equal(report, null, 'no termination log where Kubernetes made none')
          await assertNothingLost(redis.url, service.dataDir, waiting.id)
        })
      }
    }
  }
})

async function assertNothingLost(url: string, dataDir: string, waitingId: string) {
  const redis = new Redis(url)
  try {
    assert.equal(await redis.hget(`{baton}:instruction:${waitingId}`, 'state'), 'queued')
    assert.deepEqual(await redis.zrange('{baton}:pending:c-1', '0', '-1'), [waitingId])
  } finally {
    redis.disconnect()
  }
  const history = openHistory(join(dataDir, 'baton.sqlite'))
  try {
    assert.equal(history.instruction('c-1', waitingId)?.state, 'queued')
  } finally {
    history.close()
  }
}
