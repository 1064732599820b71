import { sql } from 'drizzle-orm'
import { type JournalEntry, compareIds } from '../journal/entry.ts'
import type { Database } from './database.ts'
import { createPlaces } from './places.ts'
import { createProjection } from './projection.ts'
import { events } from './schema.ts'

export interface Progress {
  cursor: string
  epoch: string | null
}

/** Stores and projects what is new in a batch, inside the caller's transaction; gives back how far it came. */
export function createApply(db: Database) {
  const openPlaces = createPlaces(db)
  const project = createProjection(db)
  const insertEvent = db
    .insert(events)
    .values({
      containerId: sql.placeholder('containerId'),
      seq: sql.placeholder('seq'),
      type: sql.placeholder('type'),
      instructionId: sql.placeholder('instructionId'),
      time: sql.placeholder('time'),
      data: sql.placeholder('data'),
    })
    .prepare()

  return (entries: JournalEntry[], from: Progress): Progress => {
    const places = openPlaces()
    const progress = { ...from }
    for (const { id, event } of entries) {
      if (compareIds(id, progress.cursor) <= 0) continue
      progress.cursor = id
      progress.epoch ??= event.epoch
      if (event.epoch !== progress.epoch) throw new Error(`entry ${id} is of another epoch than the history`)
      if (!places.admit(event)) continue
      insertEvent.run({ ...event, containerId: event.containerId ?? '' })
      project(event)
      if (event.type === 'container.deleted') places.remove(event.containerId ?? '', event.time)
    }
    places.save()
    return progress
  }
}
