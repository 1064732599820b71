import { eq, sql } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import { stoppedDaemon } from './container-projection.ts'
import type { Database } from './database.ts'
import { containers, events, instructions } from './schema.ts'

/** How far a container's sequence has come. */
interface Place {
  headSeq: number
  oldestSeq: number
  isDeleted: boolean
}

const fresh = { paused: false, quarantined: false, ...stoppedDaemon, daemonSessionId: null, deletedAt: null }

/** The containers of one batch: `admit` says whether an event is new and to be stored; `save` writes the heads. */
export function createPlaces(db: Database) {
  const id = sql.placeholder('id')
  const find = db
    .select({ headSeq: containers.headSeq, oldestSeq: containers.oldestSeq, deletedAt: containers.deletedAt })
    .from(containers)
    .where(eq(containers.id, id))
    .prepare()
  const insert = db
    .insert(containers)
    .values({ id, createdAt: sql.placeholder('createdAt') })
    .prepare()
  const setHead = db
    .update(containers)
    .set({
      headSeq: sql`${sql.placeholder('headSeq')}`,
      oldestSeq: sql`${sql.placeholder('oldestSeq')}`,
    })
    .where(eq(containers.id, id))
    .prepare()

  const dropEvents = (container: string) => db.delete(events).where(eq(events.containerId, container)).run()

  return () => {
    const places = new Map<string, Place>()

    function placeOf(container: string, time: string): Place {
      const known = places.get(container)
      if (known !== undefined) return known
      const row = find.get({ id: container })
      // Its registration may be trimmed from the journal: then the first event that is left makes it known.
      if (row === undefined) insert.run({ id: container, createdAt: time })
      const place = {
        headSeq: row?.headSeq ?? 0,
        oldestSeq: row?.oldestSeq ?? 1,
        isDeleted: typeof row?.deletedAt === 'string',
      }
      places.set(container, place)
      return place
    }

    return {
      admit(event: JournalEvent): boolean {
        const container = event.containerId ?? ''
        const place = placeOf(container, event.time)
        if (event.seq <= place.headSeq) return false
        const isHole = event.seq > place.headSeq + 1
        if (isHole && place.headSeq > 0) dropEvents(container)
        if (isHole) place.oldestSeq = event.seq
        place.headSeq = event.seq
        if (!place.isDeleted) return true
        if (event.type !== 'container.registered') return false
        const values = { ...fresh, createdAt: event.time }
        db.update(containers).set(values).where(eq(containers.id, container)).run()
        Object.assign(place, { oldestSeq: event.seq, isDeleted: false })
        return true
      },

      /** Forgets everything but the head: late events of the daemon are no new container. */
      remove(container: string, time: string) {
        dropEvents(container)
        db.delete(instructions).where(eq(instructions.containerId, container)).run()
        db.update(containers).set({ deletedAt: time }).where(eq(containers.id, container)).run()
        const place = placeOf(container, time)
        Object.assign(place, { oldestSeq: place.headSeq + 1, isDeleted: true })
      },

      save() {
        for (const [container, { headSeq, oldestSeq }] of places)
          setHead.run({ id: container, headSeq, oldestSeq })
      },
    }
  }
}
