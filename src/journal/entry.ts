import type { EventType, JournalEvent } from './event.ts'

export interface JournalEntry {
  /** The stream id, `<milliseconds>-<n>`. */
  id: string
  event: JournalEvent
}

/**
 * A stream entry as XREAD gives it; throws on what no script of ours can have written. A type that is not known here
 * is one of a newer pod, in a rolling update.
 */
export function decodeEntry(id: string, fields: string[]): JournalEntry {
  const map = new Map<string, string>()
  for (let i = 0; i + 1 < fields.length; i += 2) map.set(fields[i] ?? '', fields[i + 1] ?? '')
  const seq = Number(map.get('s'))
  const type = map.get('t') ?? ''
  if (!Number.isSafeInteger(seq) || type === '') throw new Error(`journal entry ${id} is not readable`)
  return {
    id,
    event: {
      v: 1,
      seq,
      epoch: map.get('e') ?? '',
      containerId: map.get('c') || null,
      type: type as EventType,
      instructionId: map.get('i') || null,
      time: new Date(milliseconds(id)).toISOString(),
      data: JSON.parse(map.get('d') ?? '{}') as Record<string, unknown>,
    },
  }
}

const milliseconds = (id: string) => Number(id.split('-')[0])

/** Order of two stream ids. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aN = 0] = a.split('-').map(Number)
  const [bMs = 0, bN = 0] = b.split('-').map(Number)
  return aMs - bMs || aN - bN
}

/** How long ago an entry was written, by this machine's clock. */
export const ageMs = (id: string) => Math.max(0, Date.now() - milliseconds(id))
