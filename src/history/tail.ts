import { setTimeout } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { serviceError } from '../errors.ts'
import { type JournalEntry, ageMs, compareIds, decodeEntry } from '../journal/entry.ts'
import { keyPrefix } from '../journal/scripts.ts'
import type { Feed } from './feed.ts'
import type { History } from './open.ts'

const journalKey = `${keyPrefix}:journal`
const batchSize = 500
const blockMs = 1000
const retryMs = 500

/** Follows the journal into SQLite, then into the feed: replay and live are one ordered sequence. */
export function createTail(deps: {
  redis: Redis
  front: Redis
  history: History
  feed: Feed
  /** Before the first read on a connection that is new. */
  verify(): Promise<void>
  /** Before the history forgets an epoch that is over. */
  onNewEpoch(): void
  log: Logger
}) {
  const { redis, front, history, feed, verify, onNewEpoch, log } = deps
  const stopping = new AbortController()
  const waiters = new Set<() => void>()
  let following: Promise<void> | undefined
  let isVerified = false
  let behind: JournalEntry | undefined
  let failure: unknown

  async function follow() {
    while (!stopping.signal.aborted) {
      try {
        if (!isVerified) {
          isVerified = true
          await verify()
        }
        const entries = await readBatch()
        if (stopping.signal.aborted) return
        // Read on a connection that came back meanwhile.
        if (!isVerified) continue
        if (entries.length > 0) project(entries)
        failure = undefined
        behind = undefined
        for (const wake of waiters) wake()
      } catch (cause) {
        if (stopping.signal.aborted) return
        if (failure === undefined) log.error({ err: cause }, 'The journal is not projected, trying again')
        failure = cause
        isVerified = false
        await setTimeout(retryMs, undefined, { signal: stopping.signal }).catch(() => {})
      }
    }
  }

  async function readBatch(): Promise<JournalEntry[]> {
    const from = history.cursor
    const reply = await redis.xread('COUNT', batchSize, 'BLOCK', blockMs, 'STREAMS', journalKey, from)
    return (reply?.[0]?.[1] ?? []).map(([id, fields]) => decodeEntry(id, fields))
  }

  function project(entries: JournalEntry[]) {
    behind = entries[0]
    const epoch = entries[0]?.event.epoch ?? ''
    if (history.epoch !== epoch) {
      if (history.epoch !== null) log.warn({ epoch }, 'The journal has a new epoch: its events start anew')
      onNewEpoch()
      history.reset(epoch)
    }
    const head = entries.filter((entry) => entry.event.epoch === epoch)
    history.apply(head)
    feed.publish(head.map((entry) => entry.event))
    if (head.length < entries.length) project(entries.slice(head.length))
  }

  const lagSeconds = () => (behind === undefined ? 0 : ageMs(behind.id) / 1000)

  return {
    start() {
      redis.on('close', () => {
        isVerified = false
      })
      following = follow()
    },
    /** Ends the read that blocks at the next answer; the connection is closed by its owner. */
    async stop() {
      stopping.abort()
      redis.disconnect()
      await following
    },
    /** Age of the oldest entry that waits for SQLite, 0 when nothing waits. */
    lagSeconds,
    /** Throws when it is older than `limit` seconds. */
    assertLag(limit: number) {
      if (lagSeconds() > limit) throw new Error(`SQLite is ${lagSeconds().toFixed(1)} s behind the journal`)
    },
    /** Resolves when everything that is in the journal now can be read from the history. */
    async caughtUp(ms: number): Promise<void> {
      const last = await front.xrevrange(journalKey, '+', '-', 'COUNT', 1)
      const target = last[0]?.[0] ?? '0-0'
      if (compareIds(history.cursor, target) >= 0) return
      await new Promise<void>((resolve, reject) => {
        const timer = globalThis.setTimeout(() => {
          waiters.delete(check)
          reject(serviceError('history_unavailable', 'The history is behind the journal'))
        }, ms)
        function check() {
          if (compareIds(history.cursor, target) < 0) return
          waiters.delete(check)
          clearTimeout(timer)
          resolve()
        }
        waiters.add(check)
      })
    },
  }
}

export type Tail = ReturnType<typeof createTail>
