import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { History } from '../history/open.ts'
import type { Page } from '../history/page.ts'
import type { ContainerView } from '../history/views.ts'
import type { RunScript } from '../journal/scripts.ts'
import { bootstrapHistory } from './bootstrap.ts'

/**
 * Compares the journal's epoch with the one this pod knew. A new one means that Redis lost its data: the unfinished
 * instructions are put back from SQLite, in their order, before any client sees the new epoch.
 */
export async function restoreUnfinished(deps: {
  epoch: string
  history: History
  redis: Redis
  run: RunScript
  podId: string
  log: Logger
}) {
  const { epoch, history, redis, run, podId, log } = deps
  if (history.epoch === epoch) return
  if (history.epoch === null) {
    await bootstrapHistory(redis, history)
    return history.setEpoch(epoch)
  }
  const unfinished = history.unfinished()
  const containers = knownContainers(history)
  for (const { id, daemon } of containers) {
    await run('register', id)
    if (daemon.sessionId === null) continue
    await run('session', id, daemon.sessionId, '')
    await run('sessionStarted', id, daemon.sessionId)
  }
  for (const { containerId, id, text, resumePolicy, attempts, startedAt } of unfinished) {
    const mode = startedAt === null ? '' : 'continue'
    const data = JSON.stringify({ text, resumePolicy, acceptedBy: podId })
    await run('restore', containerId, id, text, resumePolicy ?? '', attempts, mode, data)
  }
  // Last, so that one that is killed in between puts them back again; the tail may have seen the new epoch before.
  if (history.epoch !== epoch) history.reset(epoch)
  log.warn(
    { epoch, restored: unfinished.length },
    'Redis lost its data: unfinished instructions were put back',
  )
}

function knownContainers(history: History): ContainerView[] {
  const known: ContainerView[] = []
  let cursor: string | null = null
  do {
    const page: Page<ContainerView> = history.containers({ limit: 500, ...(cursor && { cursor }) })
    known.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return known
}
