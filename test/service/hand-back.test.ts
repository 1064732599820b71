import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Queue } from 'bullmq'
import { queueName } from '../../src/queues/options.ts'
import { assertContiguous, createClient, ledger, subscribe } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

test('hands a running instruction back to the head of its queue and resumes it after the restart', async (t) => {
  const redis = await startRedis(t)
  const first = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '2' } })
  const client = createClient(first.url)
  await client.register('c-1')
  const socket = await subscribe(t, first.url, 'c-1', 0)
  const one = await client.submit('c-1', 'sleep 6s')
  const two = await client.submit('c-1', 'second')
  const three = await client.submit('c-1', 'third')
  assert.deepEqual([one.position, two.position, three.position], [0, 1, 2])
  const before = await client.waitFor('c-1', one.id, 'running')

  first.signal('SIGTERM')
  assert.equal((await socket.closed).code, 1012)
  const { code } = await first.exited
  assert.equal(code, 0)
  assert.deepEqual(
    socket
      .events()
      .filter((e) => e.type === 'instruction.interrupted')
      .map((e) => e.data.cause),
    ['drain'],
  )

  const queue = new Queue(queueName('c-1'), { connection: { url: redis.url }, prefix: 'baton' })
  const waiting = await queue.getJobs(['wait'], 0, -1, true)
  assert.deepEqual(
    waiting.map((job) => job.id),
    [one.id, two.id, three.id],
  )
  assert.equal(waiting[0]?.attemptsMade, 0)
  await queue.close()

  const second = await startService(t, { redis, env: { DATA_DIR: first.dataDir } })
  const again = createClient(second.url)
  const ended = await Promise.all([one, two, three].map(({ id }) => again.waitFor('c-1', id, 'succeeded')))
  assert.deepEqual(
    ended.map(({ interruptions }) => interruptions.map(({ cause }) => cause)),
    [['drain'], [], []],
  )
  assert.deepEqual(
    ended.map(({ attempts }) => attempts),
    [1, 1, 1],
  )
  assert.deepEqual(new Set(ended.map(({ sessionId }) => sessionId)), new Set([before.sessionId]))

  const facts = await ledger(first.workspacesDir, 'c-1')
  assert.deepEqual(
    facts.filter(({ event }) => event === 'finished').map(({ turn }) => turn),
    [one.id, two.id, three.id],
  )
  assert.equal(facts.filter(({ turn, event }) => turn === one.id && event === 'resumed').length, 1)
  assertContiguous(await again.events('c-1'))
})

test('starts nothing new after the signal and lets a short instruction finish', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '10' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const one = await client.submit('c-1', 'sleep 1s')
  const two = await client.submit('c-1', 'second')
  await client.waitFor('c-1', one.id, 'running')
  service.signal('SIGINT')
  assert.equal((await service.exited).code, 0)
  const facts = await ledger(service.workspacesDir, 'c-1')
  assert.deepEqual(
    facts.map(({ turn, event }) => [turn, event]),
    [
      [one.id, 'started'],
      [one.id, 'finished'],
    ],
  )

  const next = await startService(t, { redis, env: { DATA_DIR: service.dataDir } })
  const again = createClient(next.url)
  await again.waitFor('c-1', two.id, 'succeeded')
  assert.deepEqual((await again.instruction('c-1', one.id)).interruptions, [])
})
