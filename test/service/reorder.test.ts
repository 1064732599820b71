import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, createClient, ledger, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const path = (id: string) => `/v1/containers/a/instructions/${id}`
const patch = (client: Client, id: string, body: object) => client.call('PATCH', path(id), body)
const started = (facts: { event: string; turn: string }[]) =>
  facts.filter(({ event }) => event === 'started').map(({ turn }) => turn)

async function setUp(t: Parameters<typeof startRedis>[0], texts: string[]) {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('a')
  const ids: string[] = []
  for (const text of texts) ids.push((await client.submit('a', text)).id)
  return { redis, service, client, ids }
}

test('a queue that is reordered behind a running instruction runs in its new order, without a pause', async (t) => {
  const { service, client, ids } = await setUp(t, ['sleep 2s', 'one', 'two', 'three', 'four'])
  const [first = '', one = '', two = '', three = '', four = ''] = ids
  await client.waitFor('a', first, 'running')
  assert.equal((await patch(client, four, { position: 1 })).status, 200)
  const moved = await patch(client, one, { position: 9 })
  assert.equal((moved.body as { position: number }).position, 4)
  const queue = (await client.call('GET', '/v1/containers/a/queue')).body as {
    items: { id: string; position: number }[]
  }
  assert.deepEqual(
    queue.items.map(({ id, position }) => [id, position]),
    [four, two, three, one].map((id, at) => [id, at + 1]),
  )
  for (const id of ids) await client.waitFor('a', id, 'succeeded')
  assert.deepEqual(started(await ledger(service.workspacesDir, 'a')), [first, four, two, three, one])
  const times = (await client.events('a')).filter(({ type }) => /(started|succeeded)$/.test(type))
  const ofInstructions = times.filter(({ instructionId }) => instructionId !== null)
  const pausesMs = []
  for (let at = 2; at < ofInstructions.length; at += 2) {
    pausesMs.push(Date.parse(ofInstructions[at]?.time ?? '') - Date.parse(ofInstructions[at - 1]?.time ?? ''))
  }
  // The scan would take a second each time.
  const median = pausesMs.toSorted((x, y) => x - y)[Math.floor(pausesMs.length / 2)] ?? 0
  assert.ok(median < 500, `${median} ms between two instructions`)
})

test('a paused queue is reordered and edited, and a later owner runs it so', async (t) => {
  const { redis, service, client } = await setUp(t, [])
  await client.submit('a', 'warm')
  await client.call('POST', '/v1/containers/a/queue/pause')
  const ids: string[] = []
  for (const text of ['one', 'two', 'three']) ids.push((await client.submit('a', text)).id)
  const [one = '', two = '', three = ''] = ids
  assert.equal(
    (await patch(client, three, { position: 0, text: 'changed', resumePolicy: 'ask' })).status,
    200,
  )
  service.signal('SIGTERM')
  assert.equal((await service.exited).code, 0)
  const next = await startService(t, { redis })
  const again = createClient(next.url)
  await again.call('POST', '/v1/containers/a/queue/resume')
  for (const id of ids) await again.waitFor('a', id, 'succeeded')
  const changed = await again.instruction('a', three)
  assert.equal(changed.text, 'changed')
  assert.match(changed.result ?? '', /: changed$/)
  const order = started(await ledger(next.workspacesDir, 'a')).filter((id) => ids.includes(id))
  assert.deepEqual(order, [three, one, two])
  const types = (await again.events('a')).filter(({ instructionId }) => instructionId === three)
  assert.deepEqual(types.map(({ type }) => type).slice(0, 3), [
    'instruction.queued',
    'instruction.edited',
    'instruction.moved',
  ])
})

test('an edit, a move or a cancel that meets the start has one outcome', async (t) => {
  const { client, service } = await setUp(t, [])
  const outcomes = new Map<string, number>()
  for (let round = 0; round < 60; round += 1) {
    await client.call('POST', '/v1/containers/a/queue/pause')
    const { id } = await client.submit('a', `before ${round}`)
    const resumed = client.call('POST', '/v1/containers/a/queue/resume')
    // Later and later into its start: some come before it, some in it, some behind.
    const goAt = performance.now() + (round % 30) * 0.5
    while (performance.now() < goAt) await new Promise(setImmediate)
    const isCancel = round % 2 === 1
    const answer = isCancel
      ? await client.call('DELETE', path(id))
      : await patch(client, id, { text: `after ${round}` })
    await resumed
    assert.ok(answer.status === 200 || answer.status === 409, `status ${answer.status}`)
    const key = `${isCancel ? 'cancel' : 'edit'} ${answer.status}`
    outcomes.set(key, (outcomes.get(key) ?? 0) + 1)
    const ended = await waitForEnd(client, id)
    if (isCancel) assert.equal(ended.state, answer.status === 200 ? 'cancelled' : 'succeeded')
    else assert.match(ended.result ?? '', answer.status === 200 ? /: after \d+$/ : /: before \d+$/)
    const ran = started(await ledger(service.workspacesDir, 'a')).filter((turn) => turn === id).length
    assert.equal(ran, isCancel && answer.status === 200 ? 0 : 1)
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(outcomes)))
})

const waitForEnd = (client: Client, id: string) =>
  until('its end', async () => {
    const found = await client.instruction('a', id)
    return found.finishedAt !== null && found
  })

test('what cannot be edited says why', async (t) => {
  const { client, ids } = await setUp(t, ['say done', 'sleep 60s', 'waits'])
  const [done = '', running = '', waits = ''] = ids
  await client.waitFor('a', running, 'running')
  const code = async (id: string, body: object) => {
    const answer = await patch(client, id, body)
    return `${answer.status} ${(answer.body as { code?: string }).code}`
  }
  assert.equal(await code(done, { text: 'x' }), '409 instruction_ended')
  assert.equal(await code(running, { text: 'x' }), '409 instruction_not_queued')
  assert.equal(await code(running, { position: 1 }), '409 instruction_not_queued')
  assert.equal(await code('00000000-0000-4000-8000-000000000000', { text: 'x' }), '404 instruction_not_found')
  for (const body of [{}, { text: '' }, { position: -1 }, { position: 1.5 }, { other: 1 }])
    assert.equal(await code(waits, body), '400 validation_failed', JSON.stringify(body))
  assert.equal(await code(waits, { text: 'x'.repeat(200_000) }), '413 instruction_too_large')
})
