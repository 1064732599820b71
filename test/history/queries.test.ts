import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWriter, instructionA, instructionB, queued, startHistory, started, timeOf } from './support.ts'

const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const range = (count: number) => Array.from({ length: count }, (_, n) => n)

test('containers are given in pages, in order of id', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  for (const id of ['c', 'a', 'e', 'b', 'd']) history.apply(writer.entries(id, ['container.registered']))
  history.apply(writer.entries(null, ['service.started', { pod: 'pod-1' }]))
  const seen: string[][] = []
  let cursor: string | undefined
  do {
    const page = history.containers({ cursor, limit: 2 })
    seen.push(page.items.map((item) => item.id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(seen, [['a', 'b'], ['c', 'd'], ['e']])
})

test('instructions are given in pages, newest first, and newer ones do not disturb a page', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply(writer.entries('c-1', ...range(4).map((n) => queued(idOf(n)))))
  history.apply(writer.entries('c-2', queued(instructionA)))
  const first = history.instructions('c-1', { limit: 2 })
  assert.deepEqual(
    first.items.map((item) => item.id),
    [idOf(3), idOf(2)],
  )
  history.apply(writer.entries('c-1', queued(idOf(9))))
  const second = history.instructions('c-1', { cursor: first.nextCursor ?? '', limit: 2 })
  assert.deepEqual(
    second.items.map((item) => item.id),
    [idOf(1), idOf(0)],
  )
  assert.equal(second.nextCursor, null)
  assert.ok(!('ordinal' in (first.items[0] ?? {})))
})

test('instructions are filtered by state', async (t) => {
  const { history } = await startHistory(t)
  history.apply(
    createWriter().entries('c-1', queued(instructionA), queued(instructionB), started(instructionA)),
  )
  const running = history.instructions('c-1', { state: 'running', limit: 10 })
  assert.deepEqual(
    running.items.map((item) => item.id),
    [instructionA],
  )
})

test('a cursor that is none of ours is refused', async (t) => {
  const { history } = await startHistory(t)
  const foreign = ['', 'x', Buffer.from('after:x; drop').toString('base64url')]
  for (const cursor of foreign) {
    assert.throws(() => history.instructions('c-1', { cursor, limit: 1 }), { code: 'validation_failed' })
  }
})

test('an instruction is found only in its own container', async (t) => {
  const { history } = await startHistory(t)
  history.apply(createWriter().entries('c-1', queued()))
  assert.equal(history.instruction('c-2', instructionA), undefined)
})

test('the position counts the unfinished ones before it, in the same container', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply(writer.entries('c-2', queued(instructionB)))
  history.apply(
    writer.entries('c-1', ...range(4).map((n) => queued(idOf(n))), started(idOf(0)), [
      'instruction.cancelled',
      {},
      idOf(1),
    ]),
  )
  assert.deepEqual(
    range(4).map((n) => history.instruction('c-1', idOf(n))?.position),
    [0, null, 1, 2],
  )
})

test('the queue shows what runs and what waits, in order', async (t) => {
  const { history } = await startHistory(t)
  assert.deepEqual(history.queue('c-1'), {
    paused: false,
    quarantined: false,
    running: null,
    items: [],
    oldestQueuedAt: null,
  })
  const facts = [...range(3).map((n) => queued(idOf(n))), started(idOf(0))]
  history.apply(createWriter().entries('c-1', ...facts, ['queue.paused']))
  const queue = history.queue('c-1')
  assert.equal(queue.running?.id, idOf(0))
  assert.deepEqual(
    queue.items.map((item) => [item.id, item.position]),
    [
      [idOf(1), 1],
      [idOf(2), 2],
    ],
  )
  assert.deepEqual([queue.paused, queue.oldestQueuedAt], [true, timeOf(2)])
})

test('unfinished instructions come container by container, in the order of their queues', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  for (const n of range(6)) history.apply(writer.entries(`c-${n % 2}`, queued(idOf(5 - n))))
  history.apply(writer.entries('c-0', ['instruction.cancelled', {}, idOf(3)]))
  assert.deepEqual(
    history.unfinished().map((item) => item.id),
    [5, 1, 4, 2, 0].map(idOf),
  )
})

test('stats count every state', async (t) => {
  const { history } = await startHistory(t)
  const none = { queued: 0, running: 0, needs_decision: 0, succeeded: 0, failed: 0, cancelled: 0 }
  assert.deepEqual(history.stats(), { byState: none, oldestQueuedAt: null })
  const facts = [...range(4).map((n) => queued(idOf(n))), started(idOf(0))]
  history.apply(createWriter().entries('c-1', ...facts, ['instruction.cancelled', {}, idOf(1)]))
  assert.deepEqual(history.stats(), {
    byState: { ...none, queued: 2, running: 1, cancelled: 1 },
    oldestQueuedAt: timeOf(3),
  })
})
