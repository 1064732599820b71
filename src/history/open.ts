import { isNotNull } from 'drizzle-orm'
import { messageOf, serviceError } from '../errors.ts'
import type { JournalEntry } from '../journal/entry.ts'
import { type Progress, createApply } from './apply.ts'
import { type Bootstrap, insertMissing } from './bootstrap.ts'
import { type Database, openDatabase } from './database.ts'
import { createPosition } from './position.ts'
import { pruneHistory } from './prune.ts'
import { type Queries, createQueries } from './queries.ts'
import { containers, events } from './schema.ts'

export interface History extends Queries {
  /** Stream id of the last journal entry that is in the rows, `0-0` when there is none. */
  readonly cursor: string
  readonly epoch: string | null
  /** Where the file went that was there before and could not be read. */
  readonly wasCorrupt: string | null
  setEpoch(epoch: string): void
  /** One transaction: all of it or nothing. What is stored already is passed over; a hole drops what is older. */
  apply(entries: JournalEntry[]): void
  /** Another epoch: events and cursor are forgotten, containers and instructions stay. */
  reset(epoch: string): void
  bootstrap(known: Bootstrap): void
  /** Events and ended instructions, at most `limit` events at once: call again while it gives that many. */
  prune(olderThan: Date, limit?: number): number
  /** Throws when the file cannot be read or cannot be written. */
  check(): void
  close(): void
}

/** About 40 ms in which the event loop stands still. */
const pruneLimit = 5000
const start: Progress = { cursor: '0-0', epoch: null }

/** Opens, or makes, the SQLite file that answers every query. One process at a time. */
export function openHistory(path: string): History {
  const { db, wasCorrupt } = openDatabase(path)
  return createHistory(db, wasCorrupt)
}

export function createHistory(db: Database, wasCorrupt: string | null): History {
  const client = db.$client
  const position = createPosition(db)
  let progress: Progress = {
    cursor: position.read('cursor') ?? start.cursor,
    epoch: position.read('epoch') ?? null,
  }
  const applyEntries = createApply(db)

  /** The copies in memory change only after the rows have. */
  function write<Result>(work: () => Result): Result {
    try {
      return client.transaction(work).immediate()
    } catch (cause) {
      throw serviceError('history_unavailable', `The history cannot be written: ${messageOf(cause)}`, cause)
    }
  }

  function move(next: Progress): Progress {
    if (next.cursor !== progress.cursor) position.put('cursor', next.cursor)
    if (next.epoch !== null && next.epoch !== progress.epoch) position.put('epoch', next.epoch)
    return next
  }

  return {
    ...createQueries(db, () => progress.epoch),
    wasCorrupt,
    get cursor() {
      return progress.cursor
    },
    get epoch() {
      return progress.epoch
    },
    setEpoch(epoch) {
      progress = write(() => move({ ...progress, epoch }))
    },
    apply(entries) {
      if (entries.length > 0) progress = write(() => move(applyEntries(entries, progress)))
    },
    reset(epoch) {
      progress = write(() => {
        // A file that has seen no journal yet has nothing to forget, but may be bootstrapped.
        if (progress.epoch === null && progress.cursor === start.cursor) return move({ ...start, epoch })
        db.delete(events).run()
        db.delete(containers).where(isNotNull(containers.deletedAt)).run()
        db.update(containers).set({ headSeq: 0, oldestSeq: 1, floorSeq: 0 }).run()
        return move({ ...start, epoch })
      })
    },
    bootstrap: (known) => write(() => insertMissing(db, known)),
    prune: (olderThan, limit = pruneLimit) => write(() => pruneHistory(db, olderThan, limit)),
    check() {
      write(() => {
        position.put('checked', new Date().toISOString())
        position.read('checked')
      })
    },
    close() {
      if (!client.open) return
      try {
        client.pragma('wal_checkpoint(TRUNCATE)')
      } finally {
        client.close()
      }
    },
  }
}
