import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startScripts } from '../support/scripts.ts'

test('a container has one owner while its heartbeat lives', async (t) => {
  const { run, own } = await startScripts(t)
  assert.equal(await own('a', 'pod-1'), 1)
  await run('heartbeat', 'pod-2', 60_000, 0)
  assert.deepEqual(await run('claim', 'a', 'pod-2'), ['taken', 'pod-1'])
  assert.deepEqual(await run('claim', 'a', 'pod-1'), ['ok', 1])
})

test('a dead owner loses its container, and the generation counts up', async (t) => {
  const { run, own, accept } = await startScripts(t)
  await own('a', 'pod-1')
  await accept('a', 'i1')
  assert.deepEqual(await run('orphans', 10), [])
  await run('leave', 'pod-1')
  await run('heartbeat', 'pod-2', 60_000, 0)
  assert.deepEqual(await run('orphans', 10), ['a'])
  assert.deepEqual(await run('claim', 'a', 'pod-2'), ['ok', 2])
})

test('a release frees only what is still owned', async (t) => {
  const { run, own } = await startScripts(t)
  await own('a', 'pod-1')
  await own('b', 'pod-2')
  assert.deepEqual(await run('release', 'pod-1', 'a', 'b'), [1])
  assert.deepEqual(await run('claim', 'a', 'pod-2'), ['ok', 2])
})
