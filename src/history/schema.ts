import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, real, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { EventType } from '../journal/event.ts'

export const instructionStates = [
  'queued',
  'running',
  'needs_decision',
  'succeeded',
  'failed',
  'cancelled',
] as const
export const daemonStates = ['stopped', 'ready', 'failed', 'recovering'] as const
export const resumePolicies = ['continue', 'restart', 'ask'] as const

export interface Interruption {
  cause: string
  at: string
  pod: string | null
}

/** What an idempotency key was answered with; key and body as hashes. */
export interface Idempotency {
  key: string
  body: string
  seq: number
  position: number
  atMs: number
}

export interface InstructionError {
  code: string
  message: string
}

/** `cursor` and `epoch` of the journal: they change in the same transaction as the rows they vouch for. */
export const meta = sqliteTable('meta', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
})

/** The row '' carries the sequence of the service's own events. */
export const containers = sqliteTable('containers', {
  id: text('id').primaryKey(),
  createdAt: text('created_at').notNull(),
  /** A forgotten container stays as a tombstone, or a late event of its daemon would bring it back. */
  deletedAt: text('deleted_at'),
  paused: integer('paused', { mode: 'boolean' }).notNull().default(false),
  quarantined: integer('quarantined', { mode: 'boolean' }).notNull().default(false),
  daemonState: text('daemon_state', { enum: daemonStates }).notNull().default('stopped'),
  daemonSessionId: text('daemon_session_id'),
  daemonPid: integer('daemon_pid'),
  daemonPod: text('daemon_pod'),
  daemonHealth: text('daemon_health', { enum: ['healthy', 'unhealthy'] }),
  /** The last seq applied, also when its event was pruned since. */
  headSeq: integer('head_seq').notNull().default(0),
  oldestSeq: integer('oldest_seq').notNull().default(1),
  /** Where the counter stood when this file began: events up to it are trimmed, or still to come. */
  floorSeq: integer('floor_seq').notNull().default(0),
})

export const instructions = sqliteTable(
  'instructions',
  {
    id: text('id').primaryKey(),
    containerId: text('container_id').notNull(),
    /** Order of acceptance over all containers; a seq starts anew with every epoch. */
    ordinal: integer('ordinal').notNull(),
    seq: integer('seq').notNull(),
    /** Order in its queue: the seq it was accepted with, until it is moved. */
    place: real('place').notNull().default(0),
    state: text('state', { enum: instructionStates }).notNull(),
    text: text('text').notNull(),
    resumePolicy: text('resume_policy', { enum: resumePolicies }),
    sessionId: text('session_id'),
    attempts: integer('attempts').notNull().default(0),
    interruptions: text('interruptions', { mode: 'json' }).$type<Interruption[]>().notNull().default([]),
    result: text('result'),
    error: text('error', { mode: 'json' }).$type<InstructionError>(),
    usage: text('usage', { mode: 'json' }).$type<Record<string, unknown>>(),
    cost: real('cost'),
    idempotency: text('idempotency', { mode: 'json' }).$type<Idempotency>(),
    createdAt: text('created_at').notNull(),
    startedAt: text('started_at'),
    finishedAt: text('finished_at'),
  },
  (table) => [
    uniqueIndex('instructions_ordinal').on(table.ordinal),
    index('instructions_container').on(table.containerId, table.ordinal),
    index('instructions_container_state').on(table.containerId, table.state, table.ordinal),
    index('instructions_state').on(table.state),
    index('instructions_finished').on(table.finishedAt),
    index('instructions_unfinished').on(table.containerId, table.place).where(sql`finished_at is null`),
  ],
)

export const events = sqliteTable(
  'events',
  {
    containerId: text('container_id').notNull(),
    seq: integer('seq').notNull(),
    type: text('type').$type<EventType>().notNull(),
    instructionId: text('instruction_id'),
    time: text('time').notNull(),
    data: text('data', { mode: 'json' }).$type<Record<string, unknown>>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.containerId, table.seq] }), index('events_time').on(table.time)],
)

export const pods = sqliteTable('pods', {
  pod: text('pod').primaryKey(),
  startedAt: text('started_at'),
  stoppedAt: text('stopped_at'),
  report: text('report', { mode: 'json' }).$type<unknown>(),
})
