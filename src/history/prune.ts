import { eq, inArray, lt, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { containers, events, instructions, pods } from './schema.ts'

/** Deletes at most `limit` events that are older, and what else ended before; gives the number of events. */
export function pruneHistory(db: Database, olderThan: Date, limit: number): number {
  const time = olderThan.toISOString()
  const isOld = lt(events.time, time)
  const oldest = db
    .select({ rowid: sql`rowid` })
    .from(events)
    .where(isOld)
    .orderBy(events.time, sql`rowid`)
    .limit(limit)
  const removed = db
    .delete(events)
    .where(inArray(sql`rowid`, oldest))
    .returning({ id: events.containerId, seq: events.seq })
    .all()
  const lastSeq = new Map<string, number>()
  for (const { id, seq } of removed) lastSeq.set(id, Math.max(seq, lastSeq.get(id) ?? 0))
  for (const [id, seq] of lastSeq) {
    db.update(containers)
      .set({ oldestSeq: seq + 1 })
      .where(eq(containers.id, id))
      .run()
  }
  db.delete(instructions).where(lt(instructions.finishedAt, time)).run()
  db.delete(containers).where(lt(containers.deletedAt, time)).run()
  const lastSeen = sql`max(coalesce(${pods.startedAt}, ''), coalesce(${pods.stoppedAt}, ''))`
  db.delete(pods).where(lt(lastSeen, time)).run()
  return removed.length
}
