import { eq } from 'drizzle-orm'
import type { JournalEvent } from '../journal/event.ts'
import type { Database } from './database.ts'
import { number, oneOf, text } from './fields.ts'
import { containers } from './schema.ts'

type Row = typeof containers.$inferSelect
export const stoppedDaemon = {
  daemonState: 'stopped',
  daemonPid: null,
  daemonPod: null,
  daemonHealth: null,
} as const

/** Reasons of a kill whose sequel is a recovery: the daemon is still being brought back. */
const recoveryReasons = new Set<unknown>(['hang', 'recovery'])

/** `daemon.*`, `queue.*`, `recovery.*` and the four health types. */
export function createContainerProjection(db: Database) {
  return (event: JournalEvent) => {
    const id = event.containerId ?? ''
    const values = changeBy(event, () => db.select().from(containers).where(eq(containers.id, id)).get())
    if (values !== undefined) db.update(containers).set(values).where(eq(containers.id, id)).run()
  }
}

function changeBy({ type, data }: JournalEvent, row: () => Row | undefined): Partial<Row> | undefined {
  switch (type) {
    case 'queue.paused':
      return { paused: true }
    case 'queue.resumed':
      return { paused: false }
    case 'daemon.started':
      return {
        daemonState: 'ready',
        daemonSessionId: text(data['sessionId']),
        daemonPid: number(data['pid']),
        daemonPod: text(data['pod']),
        daemonHealth: null,
      }
    case 'daemon.start_failed':
      return { ...stoppedDaemon, daemonState: 'failed' }
    case 'daemon.stopped':
    case 'daemon.exited':
      return ended(type === 'daemon.exited' || recoveryReasons.has(data['reason']), row())
    case 'daemon.session_lost':
      return { daemonSessionId: text(data['sessionId']) }
    case 'health':
      return { daemonHealth: oneOf(['healthy', 'unhealthy'], data['status']) }
    case 'recovering':
      return { daemonState: 'recovering' }
    case 'recovered':
      return { daemonState: 'ready', daemonHealth: 'healthy' }
    case 'recovery_failed':
      return { ...stoppedDaemon, daemonState: 'failed', daemonHealth: 'unhealthy', quarantined: true }
    case 'recovery.reset':
      return { quarantined: false, ...(row()?.daemonState === 'failed' && stoppedDaemon) }
    default:
      return undefined
  }
}

/** Its process is gone; the words of a recovery, under way or given up, stand until the recovery changes them. */
function ended(isPartOfRecovery: boolean, row: Row | undefined): Partial<Row> {
  const isKept = row?.quarantined || (isPartOfRecovery && row?.daemonState === 'recovering')
  return isKept ? { daemonPid: null, daemonPod: null } : stoppedDaemon
}
