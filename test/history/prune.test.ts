import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openHistory } from '../../src/history/open.ts'
import type { InstructionView } from '../../src/history/views.ts'
import {
  type Fact,
  createWriter,
  instructionA,
  instructionB,
  queued,
  seqsOf,
  startHistory,
  started,
  startMs,
  timeOf,
} from './support.ts'

const before = (n: number) => new Date(startMs + n)
const pinned: Fact = ['agent.message', { text: 'x' }, instructionA]

test('prune deletes what is older and moves the oldest seq up', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply([
    ...writer.entries('c-1', queued(), pinned),
    ...writer.entries('c-2', ['container.registered']),
    ...writer.entries('c-1', pinned, pinned),
  ])
  assert.equal(history.prune(before(4)), 3)
  assert.deepEqual(seqsOf(history, 'c-1'), [3, 4])
  assert.deepEqual(history.bounds('c-1'), { headSeq: 4, oldestSeq: 3 })
  assert.deepEqual(history.bounds('c-2'), { headSeq: 1, oldestSeq: 2 })
  assert.equal(history.prune(before(4)), 0)
})

test('a container whose events are all pruned goes on at its head, after a reopen too', async (t) => {
  const { history, path } = await startHistory(t)
  const writer = createWriter()
  history.apply(writer.entries('c-1', ['container.registered'], pinned, pinned))
  assert.equal(history.prune(before(100)), 3)
  assert.deepEqual(history.bounds('c-1'), { headSeq: 3, oldestSeq: 4 })
  history.close()

  const reopened = openHistory(path)
  t.after(() => reopened.close())
  assert.deepEqual(reopened.bounds('c-1'), { headSeq: 3, oldestSeq: 4 })
  reopened.apply(writer.entries('c-1', pinned))
  assert.deepEqual(reopened.bounds('c-1'), { headSeq: 4, oldestSeq: 4 })
})

test('prune works in bounded portions, the oldest first', async (t) => {
  const { history } = await startHistory(t)
  history.apply(createWriter().entries('c-1', pinned, pinned, pinned, pinned, pinned))
  assert.equal(history.prune(before(5), 3), 3)
  assert.deepEqual(history.bounds('c-1'), { headSeq: 5, oldestSeq: 4 })
  assert.equal(history.prune(before(5), 3), 1)
  assert.deepEqual(seqsOf(history, 'c-1'), [5])
})

test('prune forgets ended instructions and pods, never an unfinished instruction', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply([
    ...writer.entries('c-1', queued(instructionA), queued(instructionB), [
      'instruction.cancelled',
      {},
      instructionA,
    ]),
    ...writer.entries(
      null,
      ['service.started', { pod: 'pod-1' }],
      ['service.stopped', { pod: 'pod-1', report: {} }],
    ),
  ])
  history.prune(before(100))
  assert.equal(history.instruction('c-1', instructionA), undefined)
  assert.equal(history.instruction('c-1', instructionB)?.state, 'queued')
  assert.deepEqual(history.pods(), [])
})

const known: InstructionView = {
  id: instructionA,
  containerId: 'c-1',
  state: 'queued',
  text: 'accepted before the journal starts',
  result: null,
  error: null,
  position: 0,
  resumePolicy: null,
  sessionId: 'session-1',
  attempts: 1,
  interruptions: [],
  usage: null,
  cost: null,
  createdAt: timeOf(-10),
  startedAt: timeOf(-9),
  finishedAt: null,
  seq: 2,
}
const container = { id: 'c-1', createdAt: timeOf(-20), paused: true, quarantined: false, headSeq: 5 }

test('bootstrap inserts what the journal has trimmed', async (t) => {
  const { history } = await startHistory(t)
  history.bootstrap({ containers: [container], instructions: [{ ...known, place: 2 }] })
  history.reset('epoch-1')
  assert.deepEqual(history.instruction('c-1', instructionA), known)
  assert.equal(history.container('c-1')?.paused, true)
  assert.deepEqual(history.bounds('c-1'), { headSeq: 5, oldestSeq: 6 })

  const writer = createWriter()
  writer.skip('c-1', 5)
  history.apply(writer.entries('c-1', started(instructionA, 2)))
  assert.deepEqual(history.bounds('c-1'), { headSeq: 6, oldestSeq: 6 })
  assert.equal(history.instruction('c-1', instructionA)?.state, 'running')
})

test('the entries that the journal still has come in after a bootstrap', async (t) => {
  const { history } = await startHistory(t)
  history.bootstrap({ containers: [container], instructions: [{ ...known, place: 2 }] })
  const writer = createWriter()
  writer.skip('c-1', 3)
  history.apply(writer.entries('c-1', pinned, pinned))
  assert.deepEqual(seqsOf(history, 'c-1'), [4, 5])
  assert.deepEqual(history.bounds('c-1'), { headSeq: 5, oldestSeq: 4 })
})

test('bootstrap changes nothing that is there', async (t) => {
  const { history } = await startHistory(t)
  history.apply(createWriter().entries('c-1', ['container.registered'], queued()))
  history.bootstrap({ containers: [container], instructions: [{ ...known, place: 2 }] })
  assert.equal(history.container('c-1')?.paused, false)
  assert.equal(history.instruction('c-1', instructionA)?.text, 'hello')
  assert.deepEqual(history.bounds('c-1'), { headSeq: 2, oldestSeq: 1 })
})
