import { eq, sql } from 'drizzle-orm'
import type { Database } from './database.ts'
import { meta } from './schema.ts'

type Key = 'cursor' | 'epoch' | 'checked'

/** How far the journal is in this file; written inside the caller's transaction. */
export function createPosition(db: Database) {
  const put = db
    .insert(meta)
    .values({ key: sql.placeholder('key'), value: sql.placeholder('value') })
    .onConflictDoUpdate({ target: meta.key, set: { value: sql`excluded.value` } })
    .prepare()
  const find = db
    .select({ value: meta.value })
    .from(meta)
    .where(eq(meta.key, sql.placeholder('key')))
    .prepare()
  const read = (key: Key) => find.get({ key })?.value

  return {
    read,
    put: (key: Key, value: string) => void put.run({ key, value }),
  }
}
