import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../src/history/database.ts'
import { createHistory } from '../../src/history/open.ts'
import {
  type Fact,
  createWriter,
  historyPath,
  instructionA,
  queued,
  seqsOf,
  startHistory,
  started,
  timeOf,
} from './support.ts'

const message = (text: string): Fact => ['agent.message', { text }, instructionA]

test('a new file is empty', async (t) => {
  const { history } = await startHistory(t)
  assert.equal(history.cursor, '0-0')
  assert.equal(history.epoch, null)
  assert.equal(history.wasCorrupt, null)
  assert.deepEqual(history.bounds('c-1'), { headSeq: 0, oldestSeq: 1 })
  assert.equal(history.container('c-1'), undefined)
  assert.deepEqual(history.unfinished(), [])
})

test('an event is read as it was written', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  const entries = writer.entries(
    'c-1',
    ['container.registered'],
    ['agent.tool_use', { name: 'Bash', input: { a: [1] } }, instructionA],
  )
  const service = writer.entry(null, ['service.started', { pod: 'pod-1' }])
  history.apply([...entries, service])
  assert.deepEqual(
    history.events('c-1', 0, 10),
    entries.map((entry) => entry.event),
  )
  assert.deepEqual(history.events(null, 0, 10), [service.event])
  assert.equal(history.cursor, service.id)
  assert.equal(history.epoch, 'epoch-1')
})

test('events are given in order behind a seq, as many as asked for', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply(writer.entries('c-1', ...['a', 'b', 'c', 'd', 'e'].map(message)))
  assert.deepEqual(
    history.events('c-1', 1, 3).map((event) => event.seq),
    [2, 3, 4],
  )
})

test('a batch applied again changes nothing', async (t) => {
  const { history } = await startHistory(t)
  const data = { cause: 'crash', pod: 'pod-1', state: 'queued' }
  const interrupted: Fact = ['instruction.interrupted', data, instructionA]
  const entries = createWriter().entries('c-1', queued(), started(), interrupted, started(instructionA, 2))
  history.apply(entries)
  const before = history.instruction('c-1', instructionA)
  history.apply(entries)
  history.apply(entries.slice(1, 3))
  assert.deepEqual(history.instruction('c-1', instructionA), before)
  assert.equal(before?.interruptions.length, 1)
  assert.deepEqual(seqsOf(history, 'c-1'), [1, 2, 3, 4])
  assert.equal(history.cursor, entries[3]?.id)
})

test('a seq that is stored already moves the cursor only', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  const [first] = writer.entries('c-1', queued())
  assert.ok(first)
  const again = { id: writer.entry('c-2', ['container.registered']).id, event: first.event }
  history.apply([first, again])
  assert.deepEqual(seqsOf(history, 'c-1'), [1])
  assert.equal(history.cursor, again.id)
})

test('a hole drops the older events of that container, and only them', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply([
    ...writer.entries('c-1', queued(), started()),
    ...writer.entries('c-2', ['container.registered']),
  ])
  writer.skip('c-1', 3)
  history.apply(writer.entries('c-1', message('late'), message('later')))
  assert.deepEqual(seqsOf(history, 'c-1'), [6, 7])
  assert.deepEqual(history.bounds('c-1'), { headSeq: 7, oldestSeq: 6 })
  assert.deepEqual(history.bounds('c-2'), { headSeq: 1, oldestSeq: 1 })
  assert.equal(history.instruction('c-1', instructionA)?.state, 'running')
})

test('an event of an unknown container makes it known', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  writer.skip('c-1', 40)
  history.apply(writer.entries('c-1', message('first that is left')))
  assert.equal(history.container('c-1')?.createdAt, timeOf(1))
  assert.deepEqual(history.bounds('c-1'), { headSeq: 41, oldestSeq: 41 })
})

test('entries of two epochs are not mixed', async (t) => {
  const { history } = await startHistory(t)
  history.apply(createWriter('epoch-1').entries('c-1', queued()))
  const other = createWriter('epoch-2', 10).entries('c-2', ['container.registered'])
  assert.throws(() => history.apply(other), { code: 'history_unavailable' })
  assert.equal(history.container('c-2'), undefined)
})

test('another epoch forgets events and cursor and keeps containers and instructions', async (t) => {
  const { history } = await startHistory(t)
  history.apply(createWriter().entries('c-1', queued(), started()))
  history.reset('epoch-2')
  assert.deepEqual([history.cursor, history.epoch], ['0-0', 'epoch-2'])
  assert.deepEqual(seqsOf(history, 'c-1'), [])
  assert.deepEqual(history.bounds('c-1'), { headSeq: 0, oldestSeq: 1 })
  assert.equal(history.unfinished().length, 1)

  history.apply(createWriter('epoch-2').entries('c-1', ['container.registered'], queued()))
  assert.deepEqual(seqsOf(history, 'c-1'), [1, 2])
  const instruction = history.instruction('c-1', instructionA)
  assert.deepEqual([instruction?.state, instruction?.seq, instruction?.createdAt], ['queued', 2, timeOf(1)])
})

test('a full disk changes nothing, and the batch goes in when there is room again', async (t) => {
  const { db } = openDatabase(await historyPath(t))
  const history = createHistory(db, null)
  t.after(() => history.close())
  const writer = createWriter()
  history.apply(writer.entries('c-1', ['container.registered']))
  const cursor = history.cursor
  const pages = db.$client.pragma('page_count', { simple: true })
  db.$client.pragma(`max_page_count = ${Number(pages) + 2}`)
  const batch = writer.entries(
    'c-1',
    queued(),
    ...Array.from({ length: 200 }, () => message('x'.repeat(1000))),
  )
  assert.throws(
    () => history.apply(batch),
    (error: Error & { code?: string; cause?: { code?: string } }) => {
      assert.deepEqual([error.code, error.cause?.code], ['history_unavailable', 'SQLITE_FULL'])
      return true
    },
  )
  assert.equal(history.cursor, cursor)
  assert.deepEqual(history.bounds('c-1'), { headSeq: 1, oldestSeq: 1 })
  assert.deepEqual(history.unfinished(), [])
  db.$client.pragma('max_page_count = 1000000')
  history.apply(batch)
  assert.equal(history.bounds('c-1').headSeq, 202)
  assert.equal(history.cursor, batch.at(-1)?.id)
})
