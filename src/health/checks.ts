import type { DaemonInfo, Daemons } from '../daemons/types.ts'
import type { Ailment } from './recovery.ts'

export interface CheckLimits {
  pingMs: number
  /** A turn without any output for longer is stalled. */
  turnStallMs: number
  /** The same while a tool call is open: tools may be silent for long. */
  toolStallMs: number
}

/** What ails a daemon: its process, its answer to a control ping, its progress. `null` when nothing does. */
export async function examine(
  daemons: Daemons,
  info: DaemonInfo,
  limits: CheckLimits,
): Promise<Ailment | null> {
  if (info.state === 'failed') return 'exited'
  if (info.state !== 'ready' && info.state !== 'busy') return null
  if (!(await daemons.ping(info.containerId, limits.pingMs))) {
    const now = daemons.info(info.containerId)
    if (now?.state !== info.state) return null
    return 'unresponsive'
  }
  if (info.state !== 'busy' || info.isReadingPaused) return null
  const limit = info.openTools > 0 ? limits.toolStallMs : limits.turnStallMs
  return Date.now() - (info.lastOutputAt ?? info.startedAt ?? Date.now()) > limit ? 'stalled' : null
}
