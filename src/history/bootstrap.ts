import { sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { containers, instructions } from './schema.ts'
import type { ContainerView, InstructionView } from './views.ts'

export interface Bootstrap {
  containers: Pick<ContainerView, 'id' | 'createdAt' | 'paused' | 'quarantined' | 'headSeq'>[]
  /** In order of acceptance. */
  instructions: (InstructionView & { place: number })[]
}

/** Fills a fresh file with what Redis knows and the journal has trimmed; what is there already stays as it is. */
export function insertMissing(db: Database, known: Bootstrap) {
  for (const { headSeq, ...container } of known.containers) {
    db.insert(containers)
      .values({ ...container, floorSeq: headSeq })
      .onConflictDoNothing()
      .run()
  }
  for (const instruction of known.instructions) {
    const ordinal = sql`(select coalesce(max(ordinal), 0) + 1 from instructions)`
    db.insert(instructions)
      .values({ ...instruction, ordinal })
      .onConflictDoNothing()
      .run()
  }
}
