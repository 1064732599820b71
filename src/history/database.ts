import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { type BetterSQLite3Database, drizzle } from 'drizzle-orm/better-sqlite3'
import { migrate } from 'drizzle-orm/better-sqlite3/migrator'

export type Database = BetterSQLite3Database & { $client: Sqlite.Database }

const migrationsFolder = join(import.meta.dirname, 'migrations')
/** A process that is just closing the file gets this long; the wait blocks the event loop. */
const busyMs = 500

/** Opens the file for this process alone and brings it to the present schema. A corrupt one is moved aside. */
export function openDatabase(path: string): { db: Database; wasCorrupt: string | null } {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return { db: connect(path), wasCorrupt: null }
  } catch (cause) {
    if (isSqliteError(cause, 'SQLITE_BUSY')) {
      const error = new Error(`${path} is in use by another Baton process`, { cause })
      throw Object.assign(error, { code: 'HISTORY_IN_USE' })
    }
    if (!isSqliteError(cause, 'SQLITE_CORRUPT') && !isSqliteError(cause, 'SQLITE_NOTADB')) {
      const error = new Error(`${path} cannot be opened: ${String(cause)}`, { cause })
      throw Object.assign(error, { code: 'HISTORY_NOT_OPEN' })
    }
  }
  const wasCorrupt = moveAside(path)
  return { db: connect(path), wasCorrupt }
}

function connect(path: string): Database {
  const client = new Sqlite(path, { timeout: busyMs })
  try {
    lock(client)
    client.pragma('synchronous = NORMAL')
    const found = client.pragma('quick_check(1)', { simple: true })
    if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: 'SQLITE_CORRUPT' })
    const db = drizzle({ client })
    migrate(db, { migrationsFolder })
    return db
  } catch (error) {
    client.close()
    throw error
  }
}

/** Exclusive before the first read in WAL mode, so that the lock is taken now and needs no shared memory file. */
function lock(client: Sqlite.Database) {
  client.pragma('locking_mode = EXCLUSIVE')
  client.pragma('journal_mode = WAL')
  client.exec('BEGIN EXCLUSIVE; COMMIT')
}

function moveAside(path: string): string {
  const aside = `${path}.corrupt-${new Date().toISOString().replaceAll(':', '-')}`
  renameSync(path, aside)
  for (const suffix of ['-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
  }
  return aside
}

const isSqliteError = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith(code)
