import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startScripts } from '../support/scripts.ts'

test('gives every container a gap-free seq of its own', async (t) => {
  const { run, own, journal, epoch } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await own('b', 'pod-1')
  await run(
    'append',
    'a',
    'pod-1',
    generation,
    1,
    'agent.message',
    '',
    '{"text":"1"}',
    'agent.message',
    '',
    '{"text":"2"}',
  )
  await run('append', 'b', 'pod-1', 1, 2, 'agent.message', '', '{"text":"3"}')

  const events = await journal()
  assert.deepEqual(
    events.filter((e) => e.containerId === 'a').map((e) => e.seq),
    [1, 2, 3],
  )
  assert.deepEqual(
    events.filter((e) => e.containerId === 'b').map((e) => e.seq),
    [1, 2],
  )
  assert.ok(events.every((e) => e.epoch === epoch))
})

test('writes a batch once although it is sent twice', async (t) => {
  const { run, own, journal } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  const send = () => run('append', 'a', 'pod-1', generation, 7, 'agent.message', '', '{}')
  assert.deepEqual(await send(), ['ok', 2])
  assert.deepEqual(await send(), ['duplicate'])
  assert.equal((await journal()).length, 2)
})

test('refuses an old generation and a pod that does not own the container', async (t) => {
  const { run, own, journal } = await startScripts(t)
  const generation = await own('a', 'pod-1')
  await run('leave', 'pod-1')
  const next = await own('a', 'pod-2')
  assert.equal(next, generation + 1)
  assert.deepEqual(await run('append', 'a', 'pod-1', generation, 1, 'agent.message', '', '{}'), ['fenced'])
  assert.deepEqual(await run('append', 'a', 'pod-2', generation, 1, 'agent.message', '', '{}'), ['fenced'])
  assert.equal((await journal()).length, 1)
})

test('refuses every step when Redis lost its epoch', async (t) => {
  const { run, redis } = await startScripts(t)
  await redis.flushall()
  await assert.rejects(run('register', 'a'), /NOEPOCH/)
})
