import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { History } from '../../src/history/open.ts'
import {
  type Fact,
  createWriter,
  instructionA,
  instructionB,
  queued,
  startHistory,
  started,
  timeOf,
} from './support.ts'

type Case = { title: string; facts: Fact[]; expected: Record<string, unknown> }

const interrupted = (cause: string, state: string): Fact => [
  'instruction.interrupted',
  { cause, pod: 'pod-1', state },
  instructionA,
]
const succeeded: Fact = [
  'instruction.succeeded',
  { result: 'done', usage: { input_tokens: 3 }, cost: 0.25 },
  instructionA,
]
const failed: Fact = [
  'instruction.failed',
  { error: { code: 'agent_error', message: 'no' }, usage: null, cost: null },
  instructionA,
]
const cancelled: Fact = ['instruction.cancelled', {}, instructionA]

/** Every case starts at journal time 1; the n-th fact is written at `timeOf(n)`. */
const instructionCases: Case[] = [
  {
    title: 'queued inserts it',
    facts: [queued()],
    expected: {
      id: instructionA,
      containerId: 'c-1',
      state: 'queued',
      text: 'hello',
      result: null,
      error: null,
      position: 0,
      resumePolicy: null,
      sessionId: null,
      attempts: 0,
      interruptions: [],
      usage: null,
      cost: null,
      createdAt: timeOf(1),
      startedAt: null,
      finishedAt: null,
      seq: 1,
    },
  },
  {
    title: 'queued keeps its policy',
    facts: [
      ['instruction.queued', { text: 't', resumePolicy: 'restart', acceptedBy: 'pod-1' }, instructionA],
    ],
    expected: { resumePolicy: 'restart' },
  },
  {
    title: 'started runs it',
    facts: [queued(), started()],
    expected: { state: 'running', attempts: 1, sessionId: 'session-1', startedAt: timeOf(2), position: 0 },
  },
  {
    title: 'a second start keeps the first time',
    facts: [queued(), started(), interrupted('crash', 'queued'), started(instructionA, 2)],
    expected: { state: 'running', attempts: 2, startedAt: timeOf(2) },
  },
  {
    title: 'interrupted by a drain goes back with no attempt used',
    facts: [queued(), started(), interrupted('drain', 'queued')],
    expected: {
      state: 'queued',
      attempts: 0,
      interruptions: [{ cause: 'drain', at: timeOf(3), pod: 'pod-1' }],
      finishedAt: null,
    },
  },
  {
    title: 'interruptions are kept in order',
    facts: [
      queued(),
      started(),
      interrupted('crash', 'queued'),
      started(instructionA, 2),
      interrupted('hang', 'queued'),
    ],
    expected: {
      attempts: 2,
      interruptions: [
        { cause: 'crash', at: timeOf(3), pod: 'pod-1' },
        { cause: 'hang', at: timeOf(5), pod: 'pod-1' },
      ],
    },
  },
  {
    title: 'interrupted with a question waits',
    facts: [queued(), started(), interrupted('crash', 'needs_decision')],
    expected: { state: 'needs_decision', attempts: 1 },
  },
  {
    title: 'needs_decision waits',
    facts: [queued(), started(), ['instruction.needs_decision', { cause: 'crash' }, instructionA]],
    expected: { state: 'needs_decision' },
  },
  {
    title: 'interrupted on the way to its end leaves the end to the next event',
    facts: [queued(), started(), interrupted('crash', 'failed')],
    expected: { state: 'running', finishedAt: null },
  },
  {
    title: 'decided queues it again under the policy that was picked',
    facts: [
      queued(),
      started(),
      interrupted('crash', 'needs_decision'),
      ['instruction.needs_decision', { cause: 'crash' }, instructionA],
      ['instruction.decided', { resumePolicy: 'restart' }, instructionA],
    ],
    expected: { state: 'queued', resumePolicy: 'restart' },
  },
  {
    title: 'cancel_requested changes nothing yet',
    facts: [queued(), started(), ['instruction.cancel_requested', {}, instructionA]],
    expected: { state: 'running' },
  },
  {
    title: 'succeeded ends it',
    facts: [queued(), started(), succeeded],
    expected: {
      state: 'succeeded',
      result: 'done',
      usage: { input_tokens: 3 },
      cost: 0.25,
      error: null,
      finishedAt: timeOf(3),
      position: null,
    },
  },
  {
    title: 'failed ends it',
    facts: [queued(), started(), failed],
    expected: {
      state: 'failed',
      error: { code: 'agent_error', message: 'no' },
      result: null,
      finishedAt: timeOf(3),
    },
  },
  {
    title: 'cancelled ends it before its start',
    facts: [queued(), cancelled],
    expected: { state: 'cancelled', startedAt: null, finishedAt: timeOf(2) },
  },
  {
    title: 'what has ended never changes',
    facts: [
      queued(),
      started(),
      succeeded,
      failed,
      cancelled,
      started(),
      interrupted('crash', 'queued'),
      queued(),
    ],
    expected: {
      state: 'succeeded',
      attempts: 1,
      interruptions: [],
      finishedAt: timeOf(3),
      seq: 1,
      error: null,
    },
  },
]

for (const { title, facts, expected } of instructionCases) {
  test(`instruction: ${title}`, async (t) => {
    const { history } = await startHistory(t)
    history.apply(createWriter().entries('c-1', ...facts))
    assertHas(history.instruction('c-1', instructionA), expected)
  })
}

const daemonStarted: Fact = [
  'daemon.started',
  { sessionId: 'session-1', resumed: false, pid: 42, pod: 'pod-1' },
]
const recovering: Fact = ['recovering', { attempt: 1, maxAttempts: 3, reason: 'exited' }]
const exited: Fact = ['daemon.exited', { code: 1, signal: null, stderr: [] }]
const recoveryFailed: Fact = [
  'recovery_failed',
  { attempts: 3, reason: 'exited', message: 'manual intervention required' },
]
const unhealthy: Fact = ['health', { status: 'unhealthy', reason: 'exited' }]
const daemon = { state: 'stopped', sessionId: null, pid: null, pod: null, health: null }
const ready = { state: 'ready', sessionId: 'session-1', pid: 42, pod: 'pod-1', health: null }
const gone = { ...daemon, sessionId: 'session-1' }

const containerCases: Case[] = [
  {
    title: 'registered inserts it',
    facts: [['container.registered', {}]],
    expected: { id: 'c-1', createdAt: timeOf(1), paused: false, quarantined: false, daemon, headSeq: 1 },
  },
  {
    title: 'registered again changes nothing but the head',
    facts: [
      ['container.registered', {}],
      ['queue.paused', {}],
      ['container.registered', {}],
    ],
    expected: { createdAt: timeOf(1), paused: true, headSeq: 3 },
  },
  { title: 'queue.paused pauses', facts: [['queue.paused', {}]], expected: { paused: true } },
  {
    title: 'queue.resumed resumes',
    facts: [['queue.paused'], ['queue.resumed']],
    expected: { paused: false },
  },
  {
    title: 'daemon.start_requested changes nothing',
    facts: [['daemon.start_requested']],
    expected: { daemon },
  },
  { title: 'daemon.started is ready', facts: [daemonStarted], expected: { daemon: ready } },
  {
    title: 'daemon.start_failed is failed',
    facts: [['daemon.start_failed', { error: { code: 'start_failed', message: 'no' }, stderr: ['no'] }]],
    expected: { daemon: { ...daemon, state: 'failed' } },
  },
  {
    title: 'daemon.stopped keeps the session for the next start',
    facts: [daemonStarted, ['daemon.stopped', { reason: 'idle', pod: 'pod-1' }]],
    expected: { daemon: gone },
  },
  { title: 'daemon.exited is stopped', facts: [daemonStarted, exited], expected: { daemon: gone } },
  {
    title: 'daemon.session_lost names the new session',
    facts: [
      daemonStarted,
      ['daemon.session_lost', { previousSessionId: 'session-1', sessionId: 'session-2' }],
    ],
    expected: { daemon: { ...ready, sessionId: 'session-2' } },
  },
  {
    title: 'health is the health of the daemon',
    facts: [daemonStarted, ['health', { status: 'healthy', reason: null }]],
    expected: { daemon: { ...ready, health: 'healthy' } },
  },
  {
    title: 'recovering stands while the tree is killed',
    facts: [
      daemonStarted,
      unhealthy,
      recovering,
      exited,
      ['daemon.stopped', { reason: 'recovery', pod: 'pod-1' }],
    ],
    expected: { daemon: { ...gone, state: 'recovering', health: 'unhealthy' }, quarantined: false },
  },
  {
    title: 'a shutdown ends a recovery',
    facts: [daemonStarted, unhealthy, recovering, ['daemon.stopped', { reason: 'shutdown', pod: 'pod-1' }]],
    expected: { daemon: gone },
  },
  {
    title: 'recovered is ready and healthy',
    facts: [
      daemonStarted,
      unhealthy,
      recovering,
      daemonStarted,
      ['recovered', { attempt: 1, sessionResumed: true }],
    ],
    expected: { daemon: { ...ready, health: 'healthy' } },
  },
  {
    title: 'recovery_failed is quarantined, also after the last process is gone',
    facts: [daemonStarted, unhealthy, recovering, recoveryFailed, exited],
    expected: { quarantined: true, daemon: { ...gone, state: 'failed', health: 'unhealthy' } },
  },
  {
    title: 'recovery.reset leaves quarantine',
    facts: [daemonStarted, unhealthy, recovering, recoveryFailed, ['recovery.reset']],
    expected: { quarantined: false, daemon: gone },
  },
  {
    title: 'recovery.reset leaves a running daemon alone',
    facts: [daemonStarted, ['recovery.reset']],
    expected: { daemon: ready },
  },
]

for (const { title, facts, expected } of containerCases) {
  test(`container: ${title}`, async (t) => {
    const { history } = await startHistory(t)
    history.apply(createWriter().entries('c-1', ...facts))
    assertHas(history.container('c-1'), expected)
  })
}

test('a deleted container is gone with its instructions and events, and late events do not bring it back', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  const late: Fact = ['daemon.stopped', { reason: 'requested', pod: 'pod-1' }]
  history.apply(
    writer.entries('c-1', ['container.registered'], queued(), started(), succeeded, ['queue.paused']),
  )
  history.apply(writer.entries('c-1', ['container.deleted'], late))
  assertGone(history)

  history.apply(writer.entries('c-1', late, ['container.registered'], queued(instructionB)))
  assertHas(history.container('c-1'), { paused: false, daemon, headSeq: 10, createdAt: timeOf(9) })
  assert.deepEqual(history.bounds('c-1'), { headSeq: 10, oldestSeq: 9 })
  assert.equal(history.unfinished().length, 1)
})

test('a container may be deleted and registered in one batch', async (t) => {
  const { history } = await startHistory(t)
  const facts: Fact[] = [['container.registered'], ['container.deleted'], ['container.registered']]
  history.apply(createWriter().entries('c-1', ...facts))
  assert.deepEqual(history.bounds('c-1'), { headSeq: 3, oldestSeq: 3 })
})

test('a pod that stopped is listed with its report, and runs no daemon', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply([
    writer.entry(null, ['service.started', { pod: 'pod-1' }]),
    writer.entry('c-1', daemonStarted),
    writer.entry(null, ['service.draining', { pod: 'pod-1', deadline: timeOf(9) }]),
  ])
  assert.deepEqual(history.pods(), [])
  history.apply([writer.entry(null, ['service.stopped', { pod: 'pod-1', report: { steps: [] } }])])
  assert.deepEqual(history.pods(), [{ pod: 'pod-1', report: { steps: [] }, stoppedAt: timeOf(4) }])
  assert.deepEqual(history.container('c-1')?.daemon, gone)
  assert.equal(history.container(''), undefined)
})

test('a pod that starts again after a crash runs no daemon yet', async (t) => {
  const { history } = await startHistory(t)
  const writer = createWriter()
  history.apply([
    writer.entry('c-1', daemonStarted),
    writer.entry('c-2', [
      'daemon.started',
      { sessionId: 'session-2', resumed: false, pid: 43, pod: 'pod-2' },
    ]),
    writer.entry(null, ['service.started', { pod: 'pod-1' }]),
  ])
  assert.equal(history.container('c-1')?.daemon.state, 'stopped')
  assert.equal(history.container('c-2')?.daemon.state, 'ready')
})

function assertHas(actual: object | undefined, expected: Record<string, unknown>) {
  const values = new Map(Object.entries(actual ?? {}))
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(values.get(key), value, key)
}

function assertGone(history: History) {
  assert.equal(history.container('c-1'), undefined)
  assert.deepEqual(history.containers({ limit: 10 }).items, [])
  assert.deepEqual(history.instructions('c-1', { limit: 10 }).items, [])
  assert.deepEqual(history.events('c-1', 0, 10), [])
  assert.deepEqual(history.bounds('c-1'), { headSeq: 0, oldestSeq: 1 })
}
