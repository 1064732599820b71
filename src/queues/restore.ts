import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { History } from '../history/open.ts'
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
  const containerIds = knownContainers(history)
  history.reset(epoch)
  for (const containerId of containerIds) await run('register', containerId)
  for (const { containerId, id, text, resumePolicy, attempts, startedAt } of unfinished) {
    const mode = startedAt === null ? '' : 'continue'
    const data = JSON.stringify({ text, resumePolicy, acceptedBy: podId })
    await run('restore', containerId, id, text, resumePolicy ?? '', attempts, mode, data)
  }
  log.warn(
    { epoch, restored: unfinished.length },
    'Redis lost its data: unfinished instructions were put back',
  )
}

function knownContainers(history: History): string[] {
  const ids: string[] = []
  let cursor: string | null = null
  do {
    const page: ReturnType<History['containers']> = history.containers({
      limit: 500,
      ...(cursor && { cursor }),
    })
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  } while (cursor !== null)
  return ids
}
