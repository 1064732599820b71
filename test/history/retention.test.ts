import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openHistory } from '../../src/history/open.ts'
import { createRetention } from '../../src/history/retention.ts'
import { decodeEntry } from '../../src/journal/entry.ts'
import { until } from '../support/client.ts'
import { startScripts } from '../support/scripts.ts'

const count = 1000

test('what is older than the retention leaves the journal and SQLite, and the next seq goes on', async (t) => {
  const { redis, run, own } = await startScripts(t)
  const dir = await mkdtemp(join(tmpdir(), 'baton-retention-'))
  const history = openHistory(join(dir, 'baton.sqlite'))
  t.after(async () => {
    history.close()
    await rm(dir, { recursive: true })
  })
  const generation = await own('a', 'pod-1')
  const append = (batch: number) =>
    run('append', 'a', 'pod-1', generation, batch, 'agent.message', '', '{"text":"x"}')
  await Promise.all(Array.from({ length: count }, (_, index) => append(index + 1)))
  const entries = await redis.xrange('{baton}:journal', '-', '+')
  history.apply(entries.map(([id, fields]) => decodeEntry(id, fields)))
  const written = history.bounds('a')
  assert.deepEqual(written, { headSeq: count + 1, oldestSeq: 1 })

  const lastMs = Number(entries.at(-1)?.[0].split('-')[0])
  await until('the last entry is of the past', () => Date.now() > lastMs + 1)
  const retention = createRetention({ redis, history, retentionMs: 1, log: pino({ level: 'silent' }) })
  await retention.trim()
  // Redis trims whole nodes of its stream, SQLite to the millisecond.
  assert.ok((await redis.xlen('{baton}:journal')) <= 100)
  assert.deepEqual(history.bounds('a'), { headSeq: count + 1, oldestSeq: count + 2 })
  assert.deepEqual(await append(count + 1), ['ok', count + 2])
})
