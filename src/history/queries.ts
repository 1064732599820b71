import { and, asc, count, desc, eq, gt, inArray, isNotNull, isNull, lt, min, ne, sql } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import type { Database } from './database.ts'
import { type Page, decodeCursor, decodeNumberCursor, toPage } from './page.ts'
import { containers, events, instructionStates, instructions, pods } from './schema.ts'
import {
  type ContainerView,
  type InstructionState,
  type InstructionView,
  containerView,
  eventView,
  headSeq,
  instructionColumns,
} from './views.ts'

const id = sql.placeholder('id')
const containerId = sql.placeholder('containerId')

/** Everything that can be asked of the history; the rows change only in `apply.ts`. */
export function createQueries(db: Database, epochOf: () => string | null) {
  const containerById = db
    .select()
    .from(containers)
    .where(and(eq(containers.id, id), isNull(containers.deletedAt)))
    .prepare()
  const eventsAfter = db
    .select()
    .from(events)
    .where(and(eq(events.containerId, containerId), gt(events.seq, sql.placeholder('afterSeq'))))
    .orderBy(asc(events.seq))
    .limit(sql.placeholder('limit'))
    .prepare()
  const instructionById = db
    .select(instructionColumns)
    .from(instructions)
    .where(and(eq(instructions.id, id), eq(instructions.containerId, containerId)))
    .prepare()
  const unfinishedOf = db
    .select(instructionColumns)
    .from(instructions)
    .where(and(eq(instructions.containerId, containerId), isNull(instructions.finishedAt)))
    .orderBy(asc(instructions.place))
    .prepare()
  const allUnfinished = db
    .select({ ...instructionColumns, idempotency: instructions.idempotency })
    .from(instructions)
    .where(isNull(instructions.finishedAt))
    .orderBy(asc(instructions.containerId), asc(instructions.place))
    .prepare()
  const countByState = db
    .select({ state: instructions.state, count: count() })
    .from(instructions)
    .groupBy(instructions.state)
    .prepare()
  const oldestQueued = db
    .select({ at: min(instructions.createdAt) })
    .from(instructions)
    .where(eq(instructions.state, 'queued'))
    .prepare()
  const stoppedPods = db
    .select({ pod: pods.pod, report: pods.report, stoppedAt: sql<string>`${pods.stoppedAt}` })
    .from(pods)
    .where(isNotNull(pods.stoppedAt))
    .orderBy(desc(pods.stoppedAt))
    .prepare()

  return {
    /** `null` = the service's own events. */
    events(container: string | null, afterSeq: number, limit: number): JournalEvent[] {
      const rows = eventsAfter.all({ containerId: container ?? '', afterSeq, limit })
      return rows.map((row) => eventView(row, epochOf() ?? ''))
    },

    /** `oldestSeq` is the lowest seq still stored, or the next one to come when none is. */
    bounds(container: string | null): { headSeq: number; oldestSeq: number } {
      const row = containerById.get({ id: container ?? '' })
      if (row === undefined) return { headSeq: 0, oldestSeq: 1 }
      return { headSeq: headSeq(row), oldestSeq: row.headSeq === 0 ? row.floorSeq + 1 : row.oldestSeq }
    },

    container(container: string): ContainerView | undefined {
      const row = container === '' ? undefined : containerById.get({ id: container })
      return row && containerView(row)
    },

    /** In order of id; only some of them when `ids` names them. */
    containers(
      { cursor, limit }: { cursor?: string | undefined; limit: number },
      ids?: ReadonlySet<string>,
    ): Page<ContainerView> {
      const after = cursor === undefined ? ne(containers.id, '') : gt(containers.id, decodeCursor(cursor))
      const rows = db
        .select()
        .from(containers)
        .where(and(after, isNull(containers.deletedAt), ids && inArray(containers.id, [...ids])))
        .orderBy(asc(containers.id))
        .limit(limit + 1)
        .all()
      return toPage(rows, limit, (row) => row.id, containerView)
    },

    instruction: (container: string, instructionId: string): InstructionView | undefined =>
      instructionById.get({ containerId: container, id: instructionId }),

    /** Newest first. */
    instructions(
      container: string,
      options: { state?: InstructionState | undefined; cursor?: string | undefined; limit: number },
    ): Page<InstructionView> {
      const { state, cursor, limit } = options
      const rows = db
        .select({ ordinal: instructions.ordinal, ...instructionColumns })
        .from(instructions)
        .where(
          and(
            eq(instructions.containerId, container),
            state === undefined ? undefined : eq(instructions.state, state),
            cursor === undefined ? undefined : lt(instructions.ordinal, decodeNumberCursor(cursor)),
          ),
        )
        .orderBy(desc(instructions.ordinal))
        .limit(limit + 1)
        .all()
      return toPage(
        rows,
        limit,
        (row) => row.ordinal,
        ({ ordinal: _, ...view }) => view,
      )
    },

    /** `items` are those that wait, in order: queued and those that need a decision. */
    queue(container: string) {
      const row = containerById.get({ id: container })
      const unfinished = unfinishedOf.all({ containerId: container })
      const items = unfinished.filter((item) => item.state !== 'running')
      const queued = items.filter((item) => item.state === 'queued').map((item) => item.createdAt)
      return {
        paused: row?.paused ?? false,
        quarantined: row?.quarantined ?? false,
        running: unfinished.find((item) => item.state === 'running') ?? null,
        items,
        oldestQueuedAt: queued.toSorted()[0] ?? null,
      }
    },

    /** Of all containers, in the order of their queues. */
    unfinished: () => allUnfinished.all(),

    /** What idempotency keys were answered with since then. */
    answers: (sinceMs: number) =>
      db
        .select({
          containerId: instructions.containerId,
          id: instructions.id,
          idempotency: instructions.idempotency,
        })
        .from(instructions)
        .where(gt(sql<number>`${instructions.idempotency} ->> '$.atMs'`, sinceMs))
        .all(),

    stats(): { byState: Record<InstructionState, number>; oldestQueuedAt: string | null } {
      const counts = new Map(countByState.all().map((row) => [row.state, row.count]))
      const byState = Object.fromEntries(instructionStates.map((state) => [state, counts.get(state) ?? 0]))
      return {
        byState: byState as Record<InstructionState, number>,
        oldestQueuedAt: oldestQueued.get()?.at ?? null,
      }
    },

    /** The pods that ended, the last one first. */
    pods: (): { pod: string; report: unknown; stoppedAt: string }[] => stoppedPods.all(),
  }
}

export type Queries = ReturnType<typeof createQueries>
export type QueueView = ReturnType<Queries['queue']>
