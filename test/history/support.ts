import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type History, openHistory } from '../../src/history/open.ts'
import type { JournalEntry } from '../../src/journal/entry.ts'
import type { EventType } from '../../src/journal/event.ts'

export const startMs = Date.parse('2026-01-02T03:04:05.000Z')
export const timeOf = (n: number) => new Date(startMs + n).toISOString()
export const instructionA = '00000000-0000-4000-8000-00000000000a'
export const instructionB = '00000000-0000-4000-8000-00000000000b'

export async function historyPath(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-history-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  return join(dir, 'data', 'baton.sqlite')
}

export async function startHistory(t: TestContext): Promise<{ history: History; path: string }> {
  const path = await historyPath(t)
  const history = openHistory(path)
  t.after(() => history.close())
  return { history, path }
}

export type Fact = [type: EventType, data?: Record<string, unknown>, instructionId?: string | null]

/** Writes entries as the scripts do: one stream, a gap-free seq per container, a millisecond per entry. */
export function createWriter(epoch = 'epoch-1', firstN = 1) {
  const seqs = new Map<string | null, number>()
  let n = firstN
  function entry(containerId: string | null, [type, data = {}, instructionId = null]: Fact): JournalEntry {
    const seq = (seqs.get(containerId) ?? 0) + 1
    seqs.set(containerId, seq)
    const time = timeOf(n)
    const id = `${startMs + n++}-0`
    return { id, event: { v: 1, seq, epoch, containerId, type, instructionId, time, data } }
  }
  return {
    entry,
    entries: (containerId: string | null, ...facts: Fact[]) => facts.map((fact) => entry(containerId, fact)),
    skip: (containerId: string | null, count: number) =>
      seqs.set(containerId, (seqs.get(containerId) ?? 0) + count),
  }
}

export const queued = (id = instructionA, text = 'hello'): Fact => [
  'instruction.queued',
  { text, resumePolicy: null, acceptedBy: 'pod-1' },
  id,
]
export const started = (id = instructionA, attempt = 1): Fact => [
  'instruction.started',
  { attempt, sessionId: 'session-1', resumed: false, pod: 'pod-1' },
  id,
]

export const seqsOf = (history: History, containerId: string | null) =>
  history.events(containerId, 0, 10_000).map((event) => event.seq)
