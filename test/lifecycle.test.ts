import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { type Component, type StepReport, createLifecycle } from '../src/lifecycle.ts'

type Line = { msg: string; step?: string; ms?: number; err?: { message: string } }

const never = () => new Promise<never>(() => {})
const throwing = () => Promise.reject(new Error('broken on purpose'))

/** A lifecycle of components that write down what is asked of them; `parts` say what is special about one. */
function build(
  parts: Record<string, Partial<Component>>,
  more: { drainMs?: number; afterFailureMs?: number } = {},
) {
  const calls: string[] = []
  const lines: Line[] = []
  const phases: string[] = []
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line) as Line) })
  const note = (what: string) => void calls.push(what)
  const components = Object.entries(parts).map(
    ([name, { start, quiet, stop, budgetMs = 1000 }]): Component => ({
      name,
      budgetMs,
      start: (signal) => (note(`start ${name}`), start?.(signal)),
      quiet: () => (note(`quiet ${name}`), quiet?.()),
      stop: (deadline, steps) => (note(`stop ${name}`), stop?.(deadline, steps)),
    }),
  )
  const lifecycle = createLifecycle({
    components,
    drainMs: 0,
    log,
    onPhase: (phase) => phases.push(phase),
    ...more,
  })
  const said = () => lines.map(({ msg }) => msg)
  return { lifecycle, calls, lines, said, phases }
}

const outcomes = (steps: StepReport[]) =>
  Object.fromEntries(steps.map(({ name, outcome }) => [name, outcome]))

test('starts from the bottom, becomes quiet everywhere at once, stops from the top', async () => {
  const { lifecycle, calls, said, phases } = build({ a: {}, b: {}, c: {} })
  await lifecycle.start()
  const shutdown = await lifecycle.stop('SIGTERM')
  const expected = [
    'start c',
    'start b',
    'start a',
    'quiet c',
    'quiet b',
    'quiet a',
    'stop a',
    'stop b',
    'stop c',
  ]
  assert.deepEqual(calls, expected)
  assert.deepEqual(said(), [
    'Received shutdown signal, starting graceful shutdown',
    'Graceful shutdown completed',
  ])
  assert.deepEqual(phases, ['starting', 'running', 'draining', 'stopping', 'stopped'])
  assert.equal(shutdown.exitCode, 0)
  assert.equal(shutdown.reason, 'SIGTERM')
  assert.deepEqual(
    shutdown.steps.map(({ name, outcome }) => [name, outcome]),
    [
      ['a', 'ok'],
      ['b', 'ok'],
      ['c', 'ok'],
    ],
  )
})

test('a budget may be a fraction of milliseconds', async () => {
  const { lifecycle } = build({ a: { budgetMs: 1000.4 } })
  await lifecycle.start()
  assert.equal((await lifecycle.stop('SIGTERM')).exitCode, 0)
})

test('asked to stop twice it is one shutdown', async () => {
  const { lifecycle, calls } = build({ a: {} })
  await lifecycle.start()
  assert.equal(lifecycle.isStopping(), false)
  const [first, second] = await Promise.all([lifecycle.stop('SIGTERM'), lifecycle.stop('SIGINT')])
  assert.equal(first, second)
  assert.equal(calls.filter((call) => call === 'stop a').length, 1)
  assert.equal(lifecycle.isStopping(), true)
})

test('the drain window comes after quiet and before the first step', async () => {
  let quietAt = 0
  let stopAt = 0
  const part = {
    quiet: () => void (quietAt = performance.now()),
    stop: () => void (stopAt = performance.now()),
  }
  const { lifecycle } = build({ a: part }, { drainMs: 60 })
  await lifecycle.start()
  const { drainMs, exitCode } = await lifecycle.stop('SIGTERM')
  assert.ok(stopAt - quietAt >= 58, `${stopAt - quietAt} ms`)
  assert.ok(drainMs >= 58)
  assert.equal(exitCode, 0)
})

for (const [how, stop] of [
  ['rejects', throwing],
  [
    'throws',
    () => {
      throw new Error('broken on purpose')
    },
  ],
] as const) {
  test(`a step that ${how} is logged with name, error and duration, and the next runs`, async () => {
    const { lifecycle, calls, lines, said } = build({ a: {}, b: { stop }, c: {} })
    await lifecycle.start()
    const { exitCode, steps } = await lifecycle.stop('SIGTERM')
    assert.equal(exitCode, 1)
    assert.equal(calls.at(-1), 'stop c')
    assert.equal(steps[1]?.error, 'broken on purpose')
    const line = lines.find(({ msg }) => msg === 'Shutdown step failed')
    assert.equal(line?.step, 'b')
    assert.equal(line.err?.message, 'broken on purpose')
    assert.equal(typeof line.ms, 'number')
    assert.equal(said().at(-1), 'Shutdown completed with failures')
  })
}

test('a step that runs out of its budget is logged, and the next runs', async () => {
  const { lifecycle, calls, lines } = build({ a: { stop: never, budgetMs: 50 }, b: {} })
  await lifecycle.start()
  const { exitCode, steps } = await lifecycle.stop('SIGTERM')
  assert.equal(exitCode, 1)
  assert.deepEqual(outcomes(steps), { a: 'timed out', b: 'ok' })
  assert.ok((steps[0]?.ms ?? 0) >= 48)
  assert.equal(lines.find(({ msg }) => msg === 'Shutdown step ran out of time')?.step, 'a')
  assert.equal(calls.at(-1), 'stop b')
})

test('a step hears of its budget through its deadline', async () => {
  let remainingMs = 0
  let isAborted = false
  const a: Partial<Component> = {
    budgetMs: 40,
    stop: async (deadline) => {
      remainingMs = deadline.remainingMs()
      await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve))
      isAborted = true
    },
  }
  const { lifecycle } = build({ a })
  await lifecycle.start()
  await lifecycle.stop('SIGTERM')
  assert.ok(remainingMs > 0 && remainingMs <= 40)
  // The deadline and the race end in the same moment; either may be first.
  await tick()
  assert.ok(isAborted)
})

test('after the first failure all that remains shares one allowance, and what needs no time still ends well', async () => {
  const hanging = { stop: never, budgetMs: 80 }
  const parts = { a: { stop: throwing }, b: hanging, c: hanging, d: hanging, e: {} }
  const { lifecycle, calls } = build(parts, { afterFailureMs: 120 })
  await lifecycle.start()
  const { totalMs, steps } = await lifecycle.stop('SIGTERM')
  assert.ok(totalMs >= 115 && totalMs < 220, `${totalMs} ms`)
  assert.deepEqual(calls.slice(-5), ['stop a', 'stop b', 'stop c', 'stop d', 'stop e'])
  assert.deepEqual(outcomes(steps), {
    a: 'failed',
    b: 'timed out',
    c: 'timed out',
    d: 'timed out',
    e: 'ok',
  })
})

test('the workers keep their own budget after a failure, and their time does not count', async () => {
  const worker = { budgetMs: 150, stop: never }
  const parts = {
    a: { stop: throwing },
    workers: worker,
    c: { stop: never, budgetMs: 60 },
    d: { stop: never },
  }
  const { lifecycle } = build(parts, { afterFailureMs: 100 })
  await lifecycle.start()
  const { steps } = await lifecycle.stop('SIGTERM')
  const [, workers, c, d] = steps.map(({ ms }) => ms)
  assert.ok((workers ?? 0) >= 148, `workers ${workers} ms`)
  assert.ok((c ?? 0) >= 58 && (c ?? 0) < 100, `c ${c} ms`)
  assert.ok((d ?? 0) >= 20 && (d ?? 0) < 60, `d ${d} ms`)
})

test('a failure outside of the steps cuts the drain window short', async () => {
  const { lifecycle, said } = build({ a: {} }, { drainMs: 60_000 })
  await lifecycle.start()
  const stopping = lifecycle.stop('SIGTERM')
  lifecycle.fail()
  const { totalMs, exitCode } = await stopping
  assert.ok(totalMs < 1000)
  assert.equal(exitCode, 1)
  assert.equal(said().at(-1), 'Shutdown completed with failures')
})

test('a start that fails stops what had started, the failed one too, and drains nothing', async () => {
  const { lifecycle, calls } = build({ a: {}, b: { start: throwing }, c: {} }, { drainMs: 60_000 })
  await assert.rejects(lifecycle.start(), /broken on purpose/)
  lifecycle.fail()
  const { steps, exitCode } = await lifecycle.stop('start failed')
  assert.deepEqual(calls, ['start c', 'start b', 'quiet c', 'quiet b', 'stop b', 'stop c'])
  assert.deepEqual(outcomes(steps), { a: 'skipped', b: 'ok', c: 'ok' })
  assert.equal(exitCode, 1)
})

test('a signal during the start ends it and stops just what had started', async () => {
  const start = (signal: AbortSignal) =>
    new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  const { lifecycle, calls, phases } = build({ a: {}, b: { start }, c: {} }, { drainMs: 60_000 })
  const starting = lifecycle.start()
  await tick()
  const { steps, exitCode } = await lifecycle.stop('SIGINT')
  await assert.rejects(starting, /stopped during the start/)
  assert.deepEqual(calls, ['start c', 'start b', 'quiet c', 'quiet b', 'stop b', 'stop c'])
  assert.deepEqual(outcomes(steps), { a: 'skipped', b: 'ok', c: 'ok' })
  assert.deepEqual(phases, ['starting', 'draining', 'stopping', 'stopped'])
  assert.equal(exitCode, 0)
})

test('a start that ignores the signal is waited for a second, then the steps run', async () => {
  const { lifecycle, calls, lines } = build({ a: {}, b: { start: never }, c: {} })
  lifecycle.start().catch(() => {})
  await tick()
  const { totalMs, exitCode } = await lifecycle.stop('SIGTERM')
  assert.ok(totalMs >= 990 && totalMs < 2000, `${totalMs} ms`)
  assert.equal(lines.find(({ msg }) => msg === 'The start did not end when it was told to')?.step, 'b')
  assert.deepEqual(calls.slice(-2), ['stop b', 'stop c'])
  assert.equal(exitCode, 1)
})

test('a start that ends although it was told not to go on is no running service', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { lifecycle, calls, phases } = build({ a: { start: () => promise } })
  const starting = lifecycle.start()
  const stopping = lifecycle.stop('SIGTERM')
  resolve()
  await assert.rejects(starting, /stopped during the start/)
  assert.equal((await stopping).exitCode, 0)
  assert.deepEqual(calls, ['start a', 'quiet a', 'stop a'])
  assert.ok(!phases.includes('running'))
})

test('what has never been started has nothing to stop', async () => {
  const { lifecycle, calls } = build({ a: {}, b: {} })
  const { steps, exitCode } = await lifecycle.stop('SIGTERM')
  assert.deepEqual(calls, [])
  assert.deepEqual(outcomes(steps), { a: 'skipped', b: 'skipped' })
  assert.equal(exitCode, 0)
})

test('a component that does not become quiet keeps no step from running', async () => {
  const quiet = () => {
    throw new Error('broken on purpose')
  }
  const { lifecycle, calls, lines } = build({ a: {}, b: { quiet }, c: {} })
  await lifecycle.start()
  const { exitCode } = await lifecycle.stop('SIGTERM')
  assert.deepEqual(calls.slice(-4), ['quiet a', 'stop a', 'stop b', 'stop c'])
  assert.equal(lines.find(({ err }) => err?.message === 'broken on purpose')?.step, 'b')
  assert.equal(exitCode, 1)
})

test('a step is given the reports of those before it', async () => {
  let seen: StepReport[] | undefined
  const stop: Component['stop'] = (_deadline, steps) => void (seen = steps)
  const { lifecycle } = build({ a: { stop: throwing }, b: {}, c: { stop }, d: {} })
  await lifecycle.start()
  await lifecycle.stop('SIGTERM')
  assert.deepEqual(outcomes(seen ?? []), { a: 'failed', b: 'ok' })
})
