import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContainers } from '../../src/queues/containers.ts'
import { startScripts } from '../support/scripts.ts'

test('one container more than the limit is refused; a known one is not, and one that goes makes room', async (t) => {
  const { run } = await startScripts(t)
  const containers = createContainers(run, 2)
  await containers.register('a')
  await containers.register('b')
  await assert.rejects(containers.register('c'), { code: 'too_many_containers' })
  assert.equal((await containers.register('b')).isCreated, false)
  await containers.forget('a')
  assert.equal((await containers.register('c')).isCreated, true)
})

test('two pods at once make no container too many', async (t) => {
  const { run, redis } = await startScripts(t)
  const containers = createContainers(run, 5)
  const asked = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => containers.register(`c-${n}`)))
  assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 5)
  assert.equal(await redis.scard('{baton}:containers'), 5)
})
