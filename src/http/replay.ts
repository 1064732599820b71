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

/**
 * Sends the missed events in order and then the live ones. The read that finds nothing more and the subscription
 * happen in one tick, so no event can come between. Resolves, with the way to end it, when the client is live.
 */
export async function replay(
  { history, feed }: Pick<HttpDeps, 'history' | 'feed'>,
  containerId: string,
  from: number,
  client: {
    send(event: JournalEvent): void
    /** Resolves when the client can take more; `false` when it is gone. */
    drained(): Promise<boolean>
    live(): void
  },
): Promise<() => void> {
  let last = from
  for (;;) {
    const events = history.events(containerId, last, pageSize)
    if (events.length === 0) break
    for (const event of events) client.send(event)
    last = events.at(-1)?.seq ?? last
    if (!(await client.drained())) return () => {}
  }
  client.live()
  return feed.subscribe(containerId, (event) => {
    if (event.seq > last) client.send(event)
  })
}
