import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type ShutdownReport, writeReport } from '../../src/observability/shutdown-report.ts'

const report: ShutdownReport = {
  reason: 'SIGTERM',
  startedAt: '2026-01-01T00:00:00.000Z',
  drainMs: 5000,
  totalMs: 6000,
  exitCode: 0,
  steps: [{ name: 'workers', outcome: 'ok', ms: 900 }],
  instructions: { finished: 1, handedBack: 2, lost: 0 },
  socketsClosed: 3,
  lateRequests: 0,
}

function setUp(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'baton-report-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const lines: { msg: string; report?: ShutdownReport }[] = []
  const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as { msg: string }) })
  const path = join(dir, 'termination-log')
  const write = (given = report) => writeReport(given, { TERMINATION_LOG: path }, log)
  return { path, lines, write }
}

test('is one log line and the same JSON in the termination log', (t) => {
  const { path, lines, write } = setUp(t)
  writeFileSync(path, 'of an earlier life')
  write()
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), report)
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['Shutdown report'],
  )
  assert.deepEqual(lines[0]?.report, report)
})

test('makes no termination log where there is none', (t) => {
  const { path, lines, write } = setUp(t)
  write()
  assert.ok(!existsSync(path))
  assert.equal(lines.length, 1)
})

test('a termination log that is no file is left alone', (t) => {
  const { path, lines, write } = setUp(t)
  mkdirSync(path)
  write()
  assert.equal(lines.length, 1)
})

for (const [what, character] of [
  ['plain', 'x'],
  ['multi-byte', '語'],
  ['escaped', '\u0001'],
] as const) {
  test(`long errors in ${what} characters are cut so that Kubernetes shows the whole JSON`, (t) => {
    const { path, lines, write } = setUp(t)
    writeFileSync(path, '')
    const failed = { name: 'queues', outcome: 'failed', ms: 3000, error: character.repeat(5000) } as const
    write({ ...report, steps: Array.from({ length: 7 }, () => failed) })
    const text = readFileSync(path, 'utf8')
    assert.ok(Buffer.byteLength(text) <= 4096)
    const written = JSON.parse(text) as ShutdownReport
    assert.equal(written.steps.length, 7)
    assert.ok(written.steps.every(({ error }) => failed.error.startsWith(error ?? 'none')))
    assert.equal(lines[0]?.report?.steps[0]?.error?.length, 5000)
  })
}
