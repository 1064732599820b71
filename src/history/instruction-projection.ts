import { and, eq, isNull, sql } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import type { Database } from './database.ts'
import { errorField, number, object, oneOf, text } from './fields.ts'
import { type Idempotency, instructions, resumePolicies } from './schema.ts'

const { placeholder } = sql
const value = (name: string) => sql`${placeholder(name)}`
const json = (data: unknown) => (data === null ? null : JSON.stringify(data))

/** `instruction.*`: the states of an instruction. One that has ended never changes again. */
export function createInstructionProjection(db: Database) {
  const statements = prepare(db)

  return (event: JournalEvent) => {
    const { containerId, instructionId: id, seq, time, data } = event
    if (containerId === null || id === null) return
    const end = {
      id,
      time,
      result: null,
      error: null,
      usage: json(object(data['usage'])),
      cost: number(data['cost']),
    }
    const resumePolicy = oneOf(resumePolicies, data['resumePolicy'])
    switch (event.type) {
      case 'instruction.queued':
        statements.queue.run({
          id,
          containerId,
          seq,
          time,
          text: text(data['text']) ?? '',
          resumePolicy,
          idempotency: json(idempotencyOf(event)),
        })
        break
      case 'instruction.edited':
        statements.edit.run({ id, text: text(data['text']), resumePolicy })
        break
      case 'instruction.moved':
        statements.place.run({ id, place: number(data['place']) ?? seq })
        break
      case 'instruction.started':
        statements.start.run({
          id,
          time,
          attempt: number(data['attempt']) ?? 1,
          sessionId: text(data['sessionId']),
        })
        break
      case 'instruction.interrupted': {
        // On the way to its end it stays as it is: the event of that end follows.
        const state = oneOf(['queued', 'needs_decision'], data['state'])
        const interruption = { cause: text(data['cause']) ?? 'unknown', at: time, pod: text(data['pod']) }
        // A hand-back uses no attempt, in Redis neither.
        const unused = data['cause'] === 'drain' ? 1 : 0
        statements.interrupt.run({ id, state, interruption: json(interruption), unused })
        break
      }
      case 'instruction.needs_decision':
        statements.move.run({ id, state: 'needs_decision', resumePolicy: null })
        break
      case 'instruction.decided':
        statements.move.run({ id, state: 'queued', resumePolicy })
        break
      case 'instruction.succeeded':
        statements.end.run({ ...end, state: 'succeeded', result: text(data['result']) })
        break
      case 'instruction.failed':
        statements.end.run({ ...end, state: 'failed', error: json(errorField(event)) })
        break
      case 'instruction.cancelled':
        statements.end.run({ ...end, state: 'cancelled' })
        break
    }
  }
}

/** One that was put back after a loss of Redis tells its first answer itself. */
function idempotencyOf({ seq, time, data }: JournalEvent): Idempotency | null {
  const told = object(data['idempotency'])
  const key = text(told?.['key'])
  const body = text(told?.['body'])
  if (key === null || body === null) return null
  return {
    key,
    body,
    seq: number(told?.['seq']) ?? seq,
    position: number(told?.['position']) ?? number(data['position']) ?? 0,
    atMs: number(told?.['atMs']) ?? Date.parse(time),
  }
}

/** Prepared once: to build a statement takes drizzle ten times as long as to run it. */
function prepare(db: Database) {
  const isOpen = and(eq(instructions.id, placeholder('id')), isNull(instructions.finishedAt))
  const update = db.update(instructions)
  return {
    /** Again for a known one: Redis lost its data and it was put back, at its place in the new order. */
    queue: db
      .insert(instructions)
      .values({
        id: placeholder('id'),
        containerId: placeholder('containerId'),
        ordinal: sql`(select coalesce(max(ordinal), 0) + 1 from instructions)`,
        seq: placeholder('seq'),
        place: placeholder('seq'),
        state: 'queued',
        text: placeholder('text'),
        resumePolicy: placeholder('resumePolicy'),
        idempotency: value('idempotency'),
        createdAt: placeholder('time'),
      })
      .onConflictDoUpdate({
        target: instructions.id,
        set: {
          state: 'queued',
          text: sql`excluded.text`,
          resumePolicy: sql`excluded.resume_policy`,
          seq: sql`excluded.seq`,
          place: sql`excluded.place`,
          ordinal: sql`excluded.ordinal`,
        },
        setWhere: isNull(instructions.finishedAt),
      })
      .prepare(),
    edit: update
      .set({
        text: sql`coalesce(${placeholder('text')}, ${instructions.text})`,
        resumePolicy: sql`coalesce(${placeholder('resumePolicy')}, ${instructions.resumePolicy})`,
      })
      .where(isOpen)
      .prepare(),
    place: update
      .set({ place: value('place') })
      .where(isOpen)
      .prepare(),
    start: update
      .set({
        state: 'running',
        attempts: value('attempt'),
        sessionId: value('sessionId'),
        startedAt: sql`coalesce(${instructions.startedAt}, ${placeholder('time')})`,
      })
      .where(isOpen)
      .prepare(),
    interrupt: update
      .set({
        state: sql`coalesce(${placeholder('state')}, ${instructions.state})`,
        interruptions: sql`json_insert(${instructions.interruptions}, '$[#]', json(${placeholder('interruption')}))`,
        attempts: sql`max(0, ${instructions.attempts} - ${placeholder('unused')})`,
      })
      .where(isOpen)
      .prepare(),
    move: update
      .set({
        state: value('state'),
        resumePolicy: sql`coalesce(${placeholder('resumePolicy')}, ${instructions.resumePolicy})`,
      })
      .where(isOpen)
      .prepare(),
    end: update
      .set({
        state: value('state'),
        finishedAt: value('time'),
        result: value('result'),
        error: value('error'),
        usage: value('usage'),
        cost: value('cost'),
      })
      .where(isOpen)
      .prepare(),
  }
}
