import { setImmediate } from 'node:timers/promises'
import type { JournalEvent } from '../journal/event.ts'
import type { HttpDeps } from './deps.ts'

export interface Cursor {
  /** The last event the client has; without it the client wants what comes from now on. */
  afterSeq?: number | undefined
  epoch?: string | undefined
}

export interface Gap {
  from: number
  to: number
  oldestSeq: number
  epoch: string | null
}

/** Where a replay begins, and what the client cannot have any more. Never skips silently. */
export function placeCursor(history: HttpDeps['history'], containerId: string, { afterSeq, epoch }: Cursor) {
  const { headSeq, oldestSeq } = history.bounds(containerId)
  if (afterSeq === undefined) return { from: headSeq, gap: null }
  const isOfThisEpoch = epoch === undefined || epoch === history.epoch
  if (isOfThisEpoch && afterSeq >= oldestSeq - 1 && afterSeq <= headSeq) return { from: afterSeq, gap: null }
  const from = oldestSeq - 1
  const gap: Gap = { from: isOfThisEpoch ? afterSeq + 1 : 1, to: from, oldestSeq, epoch: history.epoch }
  return { from, gap }
}

const pageSize = 200

export interface ReplayClient {
  send(event: JournalEvent): void
  gap(gap: Gap): void
  /** `false`: wait until it has `drained`. Asked while replaying only. */
  hasRoom(): boolean
  /** Resolves when the client can take more; `false` when it is gone. */
  drained(): Promise<boolean>
  live(): void
}

/**
 * Sends the missed events in order and then the live ones. The read that finds nothing more and the subscription
 * happen in one tick, so no event can come between. Resolves, with the way to end it, when the client is live.
 */
export async function replay(
  { history, feed }: Pick<HttpDeps, 'history' | 'feed'>,
  containerId: string,
  from: number,
  client: ReplayClient,
): Promise<() => void> {
  let last = from
  let { epoch } = history

  /** Events can be pruned while the client reads slowly, or be lost to the journal: it hears which. */
  function deliver(event: JournalEvent) {
    const isOfThisEpoch = epoch === null || event.epoch === epoch
    if (isOfThisEpoch && event.seq <= last) return
    const next = isOfThisEpoch ? last + 1 : 1
    if (!isOfThisEpoch || event.seq > next)
      client.gap({ from: next, to: event.seq - 1, oldestSeq: event.seq, epoch: event.epoch })
    epoch = event.epoch
    last = event.seq
    client.send(event)
  }

  for (;;) {
    // Sequences begin again in another epoch.
    const after = history.epoch === epoch ? last : history.bounds(containerId).oldestSeq - 1
    const events = history.events(containerId, after, pageSize)
    if (events.length === 0) break
    for (const event of events) {
      deliver(event)
      if (!client.hasRoom() && !(await client.drained())) return () => {}
    }
    // A long replay to a fast client would be all that this process does.
    await setImmediate()
    if (!(await client.drained())) return () => {}
  }
  client.live()
  return feed.subscribe(containerId, deliver)
}
