import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startScripts } from '../support/scripts.ts'

const crashLimit = 3

test('accepts in order, with position and seq, up to the limit', async (t) => {
  const { run, accept } = await startScripts(t)
  assert.deepEqual(await accept('a', 'i1'), ['container_not_found'])
  await run('register', 'a')
  assert.deepEqual(await accept('a', 'i1', 2), ['ok', 2, 0, 'i1'])
  assert.deepEqual(await accept('a', 'i2', 2), ['ok', 3, 1, 'i2'])
  assert.deepEqual(await accept('a', 'i2', 2), ['ok', 3, 1, 'i2'])
  assert.deepEqual(await accept('a', 'i3', 2), ['queue_full'])
})

test('lets only the head run, once, and only for the owner', async (t) => {
  const { run, own, accept } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  await accept('a', 'i2')
  const start = (id: string, runId: string, fence = generation) =>
    run('start', 'a', 'pod-1', fence, id, runId, 's', 0)
  assert.deepEqual(await start('i2', 'r'), ['out_of_order'])
  assert.deepEqual(await start('i1', 'r', generation + 1), ['fenced'])
  assert.deepEqual(await start('i1', 'r1'), ['running', 'text of i1', null, '1'])
  assert.deepEqual(await start('i1', 'r1'), ['running', 'text of i1', null, '1'])
  assert.deepEqual(await start('i1', 'r2'), ['out_of_order'])
  assert.deepEqual(await start('gone', 'r3'), ['gone'])
})

test('a hand-back keeps the place and uses no attempt', async (t) => {
  const { run, own, accept, redis } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  await accept('a', 'i2')
  await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0)
  assert.deepEqual(await run('interrupt', 'a', 'pod-1', generation, 'i1', 'r1', 'drain', crashLimit), [
    'queued',
  ])
  assert.deepEqual(await run('interrupt', 'a', 'pod-1', generation, 'i1', 'r1', 'drain', crashLimit), [
    'stale',
  ])
  assert.equal(await redis.hget('{baton}:instruction:i1', 'attempts'), '0')
  assert.deepEqual(await run('start', 'a', 'pod-1', generation, 'i1', 'r2', 's', 1), [
    'running',
    'text of i1',
    'continue',
    '1',
  ])
})

test('a crash inside a tool call waits for a person, a crash outside does not', async (t) => {
  const { run, own, accept } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0)
  assert.deepEqual(await run('interrupt', 'a', 'pod-1', generation, 'i1', 'r1', 'crash', crashLimit), [
    'queued',
  ])
  await run('start', 'a', 'pod-1', generation, 'i1', 'r2', 's', 1)
  await run('append', 'a', 'pod-1', generation, 1, 'agent.tool_use', 'i1', '{}')
  assert.deepEqual(await run('interrupt', 'a', 'pod-1', generation, 'i1', 'r2', 'crash', crashLimit), [
    'needs_decision',
  ])
  assert.deepEqual(await run('start', 'a', 'pod-1', generation, 'i1', 'r3', 's', 1), ['blocked'])
  assert.equal((await run('decide', 'a', 'i1', 'restart'))[0], 'ok')
  assert.deepEqual(await run('start', 'a', 'pod-1', generation, 'i1', 'r3', 's', 1), [
    'running',
    'text of i1',
    'restart',
    '3',
  ])
})

test('the third crash ends the instruction', async (t) => {
  const { run, own, accept, journal } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  const outcomes: unknown[] = []
  for (const runId of ['r1', 'r2', 'r3']) {
    await run('start', 'a', 'pod-1', generation, 'i1', runId, 's', 0)
    outcomes.push((await run('interrupt', 'a', 'pod-1', generation, 'i1', runId, 'crash', crashLimit))[0])
  }
  assert.deepEqual(outcomes, ['queued', 'queued', 'failed'])
  const last = (await journal()).at(-1)
  assert.equal(last?.type, 'instruction.failed')
  assert.equal((last?.data.error as { code: string } | undefined)?.code, 'crash_limit')
})

test('a cancel has one outcome: at once while queued, asked of the owner while running', async (t) => {
  const { run, own, accept } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  await accept('a', 'i2')
  await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0)
  assert.equal((await run('cancel', 'a', 'i2', '1', 'pod-1'))[0], 'cancelled')
  assert.deepEqual(await run('cancel', 'a', 'i2', '1', 'pod-1'), ['gone'])
  assert.deepEqual(await run('cancel', 'a', 'i1', '1', 'pod-1'), ['instruction_not_queued'])
  assert.equal((await run('cancel', 'a', 'i1', '0', 'pod-1'))[0], 'running')
  assert.deepEqual(await run('interrupt', 'a', 'pod-1', generation, 'i1', 'r1', 'drain', crashLimit), [
    'cancelled',
  ])
  assert.deepEqual(await run('cancel', 'other', 'i1', '0', 'pod-1'), ['gone'])
})

test('a paused or quarantined queue lets nothing start', async (t) => {
  const { run, own, accept } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await accept('a', 'i1')
  await run('control', 'a', 'pause')
  assert.deepEqual(await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0), ['blocked'])
  await run('control', 'a', 'resume')
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    assert.deepEqual(await run('recovery', 'a', 'pod-1', generation, 3), ['ok', attempt])
  }
  assert.deepEqual(await run('recovery', 'a', 'pod-1', generation, 3), ['quarantined', 3])
  assert.deepEqual(await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0), ['blocked'])
  await run('control', 'a', 'reset')
  assert.equal((await run('start', 'a', 'pod-1', generation, 'i1', 'r1', 's', 0))[0], 'running')
})

test('a container with work cannot be forgotten, and its seq goes on when it comes back', async (t) => {
  const { run, accept } = await startScripts(t)
  await run('register', 'a')
  await accept('a', 'i1')
  assert.deepEqual(await run('forget', 'a'), ['container_busy'])
  assert.deepEqual(await run('clear', 'a', 'pod-1'), ['ok', ['i1']])
  assert.deepEqual(await run('forget', 'a'), ['ok', 4])
  assert.deepEqual(await run('register', 'a'), ['created', 5])
  assert.deepEqual(await run('register', 'a'), ['exists', 5])
})
