import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BatonError, createBatonClient } from 'baton/client'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('one token opens the routes and the socket; a wrong one is an error with its code', async (t) => {
  const redis = await startRedis(t)
  const token = 'a token of this test'.replaceAll(' ', '-')
  const { url } = await startService(t, { redis, env: { API_TOKENS: token } })
  const baton = createBatonClient({ url, token })
  const containers = Array.from({ length: 500 }, (_, n) => `container-with-a-long-name-${n}`)
  for (const id of containers.slice(0, 3)) await baton.register(id)
  const [first = '', ...others] = containers
  const seqs: number[] = []
  for await (const item of baton.events({ containerId: first, afterSeq: 0 })) {
    if ('seq' in item) seqs.push(item.seq)
    if (seqs.length === 1) await baton.submit(first, 'say hello')
    if (item.type === 'instruction.succeeded') break
  }
  assert.deepEqual(
    seqs,
    seqs.map((_, at) => at + 1),
  )
  // More than a socket may send before its token is accepted.
  const many = baton.events({
    containers: [...others, first].map((containerId) => ({ containerId, afterSeq: 0 })),
  })
  await assert.rejects(
    (async () => {
      for await (const item of many) assert.ok(item)
    })(),
    (error) => error instanceof BatonError && error.code === 'container_not_found',
  )

  const stranger = createBatonClient({ url, token: 'another-token-of-this-test' })
  const isRefused = (error: unknown) => error instanceof BatonError && error.code === 'unauthenticated'
  await assert.rejects(stranger.register('x'), isRefused)
  await assert.rejects(stranger.events({ containerId: first }).next(), isRefused)
  await assert.rejects(createBatonClient({ url }).events({ containerId: first }).next(), isRefused)
})
