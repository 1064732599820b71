import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { JournalEntry } from '../../src/journal/entry.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import {
  type Fact,
  createWriter,
  instructionA,
  instructionB,
  queued,
  startHistory,
  started,
} from '../history/support.ts'

async function startMetrics(t: TestContext) {
  const { history } = await startHistory(t)
  let late = 0
  const metrics = createMetrics({
    podId: 'pod-1',
    history,
    daemons: () => [],
    owned: () => 2,
    lagSeconds: () => 1.5,
    sockets: () => 3,
    unreadBytes: () => 4096,
    lateRequests: () => late,
    readiness: async () => ({ checks: { redis: { ok: true }, sqlite: { ok: false } } }),
    version: '1.2.3',
  })
  const writer = createWriter()
  function write(containerId: string, ...facts: Fact[]) {
    const entries: JournalEntry[] = writer.entries(containerId, ...facts)
    history.apply(entries)
    for (const { event } of entries) metrics.event(event)
  }
  const text = () => metrics.registry.metrics()
  return { metrics, write, text, setLate: (count: number) => (late = count) }
}

test('names are ours or the defaults, units are base units, and no label is a container', async (t) => {
  const { metrics, write } = await startMetrics(t)
  write('secret-container', ['container.registered'], queued(), started())
  for (const metric of await metrics.registry.getMetricsAsJSON()) {
    const { name, help, values } = metric
    const type = String(metric.type)
    assert.match(name, /^(baton|process|nodejs)_[a-z0-9_]+$/)
    assert.ok(help.length > 0, name)
    for (const { labels } of values)
      for (const [label, value] of Object.entries(labels)) {
        assert.ok(!/container|instruction_?id|session/i.test(label), `${name}{${label}}`)
        assert.notEqual(value, 'secret-container')
      }
    if (!name.startsWith('baton_')) continue
    assert.equal(name.endsWith('_total'), type === 'counter', name)
    assert.ok(!/_(ms|milliseconds|minutes|count|sum|bucket)$/.test(name), name)
    if (type === 'histogram') assert.match(name, /_seconds$/)
  }
})

test('everything that an alert needs is there from the start', async (t) => {
  const { text } = await startMetrics(t)
  const shown = await text()
  const names = new Set([...shown.matchAll(/^# TYPE (baton_\S+)/gm)].map(([, name]) => name))
  const expected = [
    'baton_build_info',
    'baton_containers_owned',
    'baton_daemons',
    'baton_http_request_duration_seconds',
    'baton_instruction_duration_seconds',
    'baton_instruction_wait_seconds',
    'baton_instructions',
    'baton_instructions_total',
    'baton_interruptions_total',
    'baton_journal_lag_seconds',
    'baton_late_requests_total',
    'baton_queue_depth',
    'baton_queue_oldest_age_seconds',
    'baton_readiness_check',
    'baton_recoveries_total',
    'baton_shutdown_phase',
    'baton_shutdown_step_duration_seconds',
    'baton_unread_bytes',
    'baton_websocket_connections',
  ]
  assert.deepEqual(names, new Set(expected))
  assert.match(shown, /^baton_build_info\{version="1\.2\.3"\} 1$/m)
  assert.match(shown, /^baton_journal_lag_seconds 1\.5$/m)
  assert.match(shown, /^baton_containers_owned 2$/m)
  assert.match(shown, /^baton_websocket_connections 3$/m)
})

test('an instruction is timed from acceptance to start and from start to end', async (t) => {
  const { write, text } = await startMetrics(t)
  write('c-1', ['container.registered'], queued(), queued(instructionB, 'waits'), started())
  assert.match(await text(), /^baton_queue_depth 1$/m)
  write('c-1', ['instruction.interrupted', { cause: 'drain', pod: 'pod-1', state: 'queued' }, instructionA])
  write('c-1', started(), [
    'instruction.succeeded',
    { result: 'ok', usage: null, cost: null, pod: 'pod-1' },
    instructionA,
  ])
  const shown = await text()
  assert.match(shown, /^baton_interruptions_total\{cause="drain"\} 1$/m)
  assert.match(shown, /^baton_instructions_total\{outcome="succeeded"\} 1$/m)
  assert.match(shown, /^baton_instructions\{state="succeeded"\} 1$/m)
  assert.match(shown, /^baton_instructions\{state="queued"\} 1$/m)
  assert.match(shown, /^baton_instruction_wait_seconds_count 1$/m)
  assert.match(shown, /^baton_instruction_duration_seconds_count\{outcome="succeeded"\} 1$/m)
})

test('what another pod did is not counted here', async (t) => {
  const { write, text } = await startMetrics(t)
  const pod = 'pod-2'
  write('c-1', ['container.registered'], queued(), started())
  write('c-1', ['instruction.interrupted', { cause: 'crash', pod, state: 'queued' }, instructionA], started())
  write('c-1', ['instruction.succeeded', { result: 'ok', usage: null, cost: null, pod }, instructionA])
  const shown = await text()
  assert.doesNotMatch(shown, /^baton_interruptions_total\{.*\} [^0]/m)
  assert.doesNotMatch(shown, /^baton_instructions_total\{.*\} [^0]/m)
  assert.match(shown, /^baton_instructions\{state="succeeded"\} 1$/m)
})

test('one phase is on at a time, and late requests only grow', async (t) => {
  const { metrics, text, setLate } = await startMetrics(t)
  metrics.phase('running')
  metrics.phase('draining')
  metrics.step({ name: 'workers', outcome: 'timed out', ms: 1500 })
  setLate(2)
  await text()
  setLate(5)
  const shown = await text()
  const on = [...shown.matchAll(/^baton_shutdown_phase\{phase="(\w+)"\} 1$/gm)].map(([, phase]) => phase)
  assert.deepEqual(on, ['draining'])
  assert.match(shown, /^baton_shutdown_step_duration_seconds\{step="workers",outcome="timed out"\} 1\.5$/m)
  assert.match(shown, /^baton_late_requests_total 5$/m)
})

test('two apps in one process keep their numbers apart', async (t) => {
  const [one, two] = [await startMetrics(t), await startMetrics(t)]
  one.metrics.recovery('recovered')
  assert.match(await one.text(), /^baton_recoveries_total\{outcome="recovered"\} 1$/m)
  assert.match(await two.text(), /^baton_recoveries_total\{outcome="recovered"\} 0$/m)
})

test('the readiness checks are shown one by one, and every counter begins at 0', async (t) => {
  const { text } = await startMetrics(t)
  const shown = await text()
  assert.match(shown, /^baton_readiness_check\{check="redis"\} 1$/m)
  assert.match(shown, /^baton_readiness_check\{check="sqlite"\} 0$/m)
  assert.match(shown, /^baton_recoveries_total\{outcome="quarantined"\} 0$/m)
  assert.match(shown, /^baton_interruptions_total\{cause="crash"\} 0$/m)
  assert.match(shown, /^baton_instructions_total\{outcome="failed"\} 0$/m)
})
