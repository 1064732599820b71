import { type SQL, sql } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import { containers, type events, instructions } from './schema.ts'

export type InstructionState = (typeof instructions.$inferSelect)['state']
export type ResumePolicy = NonNullable<(typeof instructions.$inferSelect)['resumePolicy']>
export type InstructionView = Omit<typeof instructions.$inferSelect, 'ordinal' | 'place' | 'idempotency'> & {
  /** 0 = running or next, else the number of unfinished ones before it; `null` when it has ended. */
  position: number | null
}

type ContainerRow = typeof containers.$inferSelect
export type ContainerView = Pick<ContainerRow, 'id' | 'createdAt' | 'paused' | 'quarantined' | 'headSeq'> & {
  daemon: {
    state: ContainerRow['daemonState']
    sessionId: string | null
    pid: number | null
    pod: string | null
    health: ContainerRow['daemonHealth']
  }
}

// Names written out: in a query of one table drizzle leaves the table away, and the inner one would be meant.
const position: SQL<number | null> = sql`case when instructions.finished_at is null then
  (select count(*) from instructions ahead where ahead.container_id = instructions.container_id
   and ahead.finished_at is null and ahead.place < instructions.place) end`

/** What a query selects to give an `InstructionView`, and the ordinal for the page's cursor. */
export const instructionColumns = {
  id: instructions.id,
  containerId: instructions.containerId,
  state: instructions.state,
  text: instructions.text,
  result: instructions.result,
  error: instructions.error,
  position: position.as('position'),
  resumePolicy: instructions.resumePolicy,
  sessionId: instructions.sessionId,
  attempts: instructions.attempts,
  interruptions: instructions.interruptions,
  usage: instructions.usage,
  cost: instructions.cost,
  createdAt: instructions.createdAt,
  startedAt: instructions.startedAt,
  finishedAt: instructions.finishedAt,
  seq: instructions.seq,
}

export function containerView(row: ContainerRow): ContainerView {
  return {
    id: row.id,
    createdAt: row.createdAt,
    paused: row.paused,
    quarantined: row.quarantined,
    daemon: {
      state: row.daemonState,
      sessionId: row.daemonSessionId,
      pid: row.daemonPid,
      pod: row.daemonPod,
      health: row.daemonHealth,
    },
    headSeq: headSeq(row),
  }
}

export const headSeq = (row: Pick<ContainerRow, 'headSeq' | 'floorSeq'>) =>
  Math.max(row.headSeq, row.floorSeq)

export const eventView = (row: typeof events.$inferSelect, epoch: string): JournalEvent => ({
  v: 1,
  seq: row.seq,
  epoch,
  containerId: row.containerId || null,
  type: row.type,
  instructionId: row.instructionId,
  time: row.time,
  data: row.data,
})
