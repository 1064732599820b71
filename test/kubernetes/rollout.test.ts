import assert from 'node:assert/strict'
import { test } from 'node:test'
import { skip } from './support/baton.ts'
import { assertClean } from './support/ledger.ts'
import { record } from './support/record.ts'
import { type Measured, measureRollouts } from './support/rollout.ts'

const rollouts = Number(process.env.ROLLOUTS ?? 10)
const spread = ['--set', 'workspaces.accessMode=ReadWriteMany', '--set', 'service.type=NodePort']
/** Shorter than many instructions of the load: those are handed over in the middle. */
const short = ['--set', 'config.WORKERS_BUDGET_SECONDS=10']
const testMs = 3_600_000

test('a rolling update under load drops nothing', { skip, timeout: testMs }, async (t) => {
  const measured = await measureRollouts(t, 'baton-rollout', [...spread, ...short], rollouts)
  await record('rollout', row(measured))
  t.diagnostic(JSON.stringify(row(measured)))
  for (const { name, orderedAt, terminated, report } of measured.ended)
    t.diagnostic(
      `${name}: ordered ${orderedAt}, signal ${report?.startedAt}, ended ${terminated?.finishedAt}`,
    )
  assert.deepEqual(measured.failures, [])
  assertClean(measured.audit)
  assert.equal(measured.audit.cutOff, 0)
  assert.deepEqual({ gaps: measured.gaps, repeats: measured.repeats }, { gaps: [], repeats: [] })
  assert.equal(measured.behind, 0)
  assert.ok(measured.handedBack > 0, 'no instruction was handed over: the load was too light')
  assert.ok(measured.reconnects >= measured.rollouts, 'no socket had to come back: the load was too light')

  assert.equal(measured.ended.length, rollouts * 2)
  for (const { name, terminated, report, seconds, graceSeconds } of measured.ended) {
    assert.equal(terminated?.exitCode, 0, `${name}: ${terminated?.reason} ${terminated?.message}`)
    assert.ok(seconds < graceSeconds, `${name} was killed at the end of its grace`)
    assert.equal(report?.exitCode, 0, `${name} has no report`)
    assert.deepEqual(
      report?.steps.filter(({ outcome }) => outcome !== 'ok'),
      [],
    )
    assert.equal(report?.instructions.lost, 0)
  }
})

/** The workers' step serves too: only where it is short does a pod end before the Service has noticed. */
for (const [name, workersSeconds] of [
  ['rollout-without-drain', 10],
  ['rollout-without-anything', 1],
] as const) {
  const title = `without a drain window and ${workersSeconds} s for the workers, for comparison`
  test(title, { skip, timeout: testMs }, async (t) => {
    const off = ['loadBalancer.preset=custom', 'loadBalancer.preStopSeconds=0', 'config.DRAIN_SECONDS=0']
    const values = [...off, `config.WORKERS_BUDGET_SECONDS=${workersSeconds}`].flatMap((value) => [
      '--set',
      value,
    ])
    const measured = await measureRollouts(t, `baton-${name}`, [...spread, ...values], rollouts)
    await record(name, row(measured))
    t.diagnostic(JSON.stringify(row(measured)))
    // Requests may fail here; instructions and events never depend on the window.
    assertClean(measured.audit)
    assert.deepEqual({ gaps: measured.gaps, repeats: measured.repeats }, { gaps: [], repeats: [] })
  })
}

function row(measured: Measured) {
  const ends = measured.ended.map(({ seconds }) => seconds)
  return {
    rollouts: measured.rollouts,
    requests: measured.requests,
    failures: measured.failures.length,
    failuresByReason: count(measured.failures.map(({ reason }) => reason.slice(0, 60))),
    slowestMs: measured.slowestMs,
    instructions: measured.accepted,
    handedBack: measured.handedBack,
    lost: measured.audit.lost.length,
    doubled: measured.audit.doubled.length,
    cutOff: measured.audit.cutOff,
    sockets: measured.sockets,
    reconnects: measured.reconnects,
    gaps: measured.gaps.length,
    repeats: measured.repeats.length,
    longestHandOffMs: measured.longestHandOffMs,
    pods: measured.ended.length,
    exitCodes: count(measured.ended.map(({ terminated }) => String(terminated?.exitCode))),
    slowestEndSeconds: Math.max(0, ...ends),
    lateRequests: measured.ended.reduce((sum, { report }) => sum + (report?.lateRequests ?? 0), 0),
  }
}

function count(values: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
