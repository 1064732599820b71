import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { createClient, ledger, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

async function submit(url: string, key: string, body: object, containerId = 'a') {
  const response = await fetch(`${url}/v1/containers/${containerId}/instructions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })
  const answer = (await response.json()) as { id: string; code?: string; seq: number; position: number }
  return { status: response.status, isReplayed: response.headers.get('idempotent-replayed'), answer }
}

test('one key is one instruction, whichever pods are asked and however often', async (t) => {
  const redis = await startRedis(t)
  const pods = await Promise.all(['a', 'b'].map((POD_NAME) => startService(t, { redis, env: { POD_NAME } })))
  const client = createClient(pods[0]?.url ?? '')
  for (const id of ['a', 'b']) await client.register(id)
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => submit(pods[n % 2]?.url ?? '', 'key', { text: 'once' })),
  )
  const [{ answer } = assert.fail()] = answers
  for (const other of answers) assert.deepEqual([other.status, other.answer], [202, answer])
  assert.equal(answers.filter(({ isReplayed }) => isReplayed === null).length, 1)
  assert.equal(answers.filter(({ isReplayed }) => isReplayed === 'true').length, 19)
  await client.waitFor('a', answer.id, 'succeeded')

  const url = pods[1]?.url ?? ''
  assert.deepEqual((await submit(url, 'key', { text: 'once' })).answer, answer, 'also when it has ended')
  const other = await submit(url, 'key', { text: 'another' })
  assert.equal(`${other.status} ${other.answer.code}`, '422 idempotency_key_reused')
  assert.equal((await submit(url, 'key', { text: 'once', resumePolicy: 'ask' })).status, 422)
  const elsewhere = await submit(url, 'key', { text: 'another' }, 'b')
  assert.deepEqual([elsewhere.status, elsewhere.isReplayed], [202, null], 'a key belongs to its container')
  const queued = (await client.events('a')).filter(({ type }) => type === 'instruction.queued')
  assert.equal(queued.length, 1)
})

test('a key of 255 characters is taken, a longer one or an empty one is not', async (t) => {
  const redis = await startRedis(t)
  const { url } = await startService(t, { redis })
  await createClient(url).register('a')
  assert.equal((await submit(url, 'k'.repeat(255), { text: 'x' })).status, 202)
  assert.equal((await submit(url, 'k'.repeat(255), { text: 'x' })).isReplayed, 'true')
  assert.equal((await submit(url, 'k'.repeat(256), { text: 'x' })).status, 400)
  assert.equal((await submit(url, '', { text: 'x' })).status, 400)
})

test('a pod that dies between acceptance and answer has accepted once', async (t) => {
  const redis = await startRedis(t)
  const dying = await startService(t, {
    redis,
    entry: 'faulty-main.ts',
    env: { FAULT: 'http:die-answering' },
  })
  await createClient(dying.url).register('a')
  await assert.rejects(submit(dying.url, 'key', { text: 'once' }))
  assert.equal((await dying.exited).signal, 'SIGKILL')
  const { url, workspacesDir } = await startService(t, { redis })
  const client = createClient(url)
  const second = await submit(url, 'key', { text: 'once' })
  assert.deepEqual([second.status, second.isReplayed], [202, 'true'])
  await client.waitFor('a', second.answer.id, 'succeeded')
  const facts = await ledger(workspacesDir, 'a')
  assert.deepEqual(
    facts.filter(({ event }) => event === 'started').map(({ turn }) => turn),
    [second.answer.id],
  )
})

test('keys outlive a Redis that lost its data, twice', async (t) => {
  const redis = await startRedis(t)
  const { url } = await startService(t, { redis })
  const client = createClient(url)
  await client.register('a')
  const ended = (await submit(url, 'ended', { text: 'ended' })).answer
  await client.waitFor('a', ended.id, 'succeeded')
  await client.call('POST', '/v1/containers/a/queue/pause')
  const waiting = (await submit(url, 'waiting', { text: 'sleep 60s' })).answer
  const eraser = new Redis(redis.url)
  eraser.on('error', () => {})
  t.after(() => eraser.disconnect())
  for (let loss = 1; loss <= 2; loss += 1) {
    const before = await eraser.get('{baton}:epoch')
    await eraser.flushall()
    await until('a new epoch is known', async () => {
      const [first] = await client.events('a')
      return first !== undefined && first.epoch !== before
    })
    const known = await submit(url, 'ended', { text: 'ended' })
    assert.deepEqual([known.status, known.isReplayed, known.answer], [202, 'true', ended])
    const put = await submit(url, 'waiting', { text: 'sleep 60s' })
    assert.deepEqual([put.status, put.isReplayed, put.answer], [202, 'true', waiting])
    assert.equal((await submit(url, 'waiting', { text: 'x' })).status, 422)
  }
})

test('a key is forgotten after 24 hours, and with its container', async (t) => {
  const redis = await startRedis(t)
  const { url } = await startService(t, { redis })
  const client = createClient(url)
  const looker = new Redis(redis.url)
  looker.on('error', () => {})
  t.after(() => looker.disconnect())
  await client.register('a')
  const first = (await submit(url, 'key', { text: 'x' })).answer
  const dayMs = 24 * 3600 * 1000
  for (const name of ['idempotency', 'idempotency-ages']) {
    const ttlMs = await looker.pttl(`{baton}:${name}:a`)
    assert.ok(ttlMs > dayMs - 60_000 && ttlMs <= dayMs, `${name} expires in ${ttlMs} ms`)
  }
  // As if it had been given a day and a second ago.
  const answers = await looker.hgetall('{baton}:idempotency:a')
  const hash = Object.keys(answers)[0] ?? ''
  const [at, ...rest] = answers[hash]?.split(' ') ?? []
  const oldMs = Number(at) - dayMs - 1000
  await looker.hset('{baton}:idempotency:a', hash, [oldMs, ...rest].join(' '))
  await looker.zadd('{baton}:idempotency-ages:a', oldMs, hash)
  await submit(url, 'other', { text: 'x' })
  assert.equal(await looker.hexists('{baton}:idempotency:a', hash), 0, 'trimmed by the next one')
  const second = await submit(url, 'key', { text: 'x' })
  assert.equal(second.isReplayed, null)
  assert.notEqual(second.answer.id, first.id)
  await client.waitFor('a', second.answer.id, 'succeeded')
  assert.equal((await client.call('DELETE', '/v1/containers/a')).status, 204)
  assert.equal(await looker.exists('{baton}:idempotency:a', '{baton}:idempotency-ages:a'), 0)
})
