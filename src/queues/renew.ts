import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { History } from '../history/open.ts'
import { compareIds } from '../journal/entry.ts'
import { type RunScript, keyPrefix } from '../journal/scripts.ts'

const journal = `${keyPrefix}:journal`
const endedStates = new Set(['succeeded', 'failed', 'cancelled'])

/**
 * A Redis that comes back may have lost its last second (AOF `everysec`, a failover). Then entries that this pod has
 * seen are gone, and their numbers would be given again, so the journal begins a new epoch.
 */
export function createRenewal(deps: { redis: Redis; run: RunScript; history: History; log: Logger }) {
  const { redis, run, history, log } = deps

  async function isEndLost(): Promise<boolean> {
    const { cursor } = history
    if (cursor === '0-0' || (await redis.xrange(journal, cursor, cursor)).length > 0) return false
    if ((await redis.exists(journal)) === 0) return true
    const info = (await redis.xinfo('STREAM', journal)) as unknown[]
    const last = String(info[info.indexOf('last-generated-id') + 1])
    if (compareIds(last, cursor) < 0) return true
    // Trimmed away, or lost with newer entries written since: only what is trimmed has nothing older left.
    const [first] = await redis.xrange(journal, '-', '+', 'COUNT', 1)
    return first !== undefined && compareIds(first[0], cursor) < 0
  }

  /** What Redis still holds although this pod saw its end. */
  async function endedHere(): Promise<string[]> {
    const ended: string[] = []
    for (const container of await redis.smembers(`${keyPrefix}:work`)) {
      for (const id of await redis.zrange(`${keyPrefix}:pending:${container}`, '0', '-1')) {
        if (endedStates.has(history.instruction(container, id)?.state ?? '')) ended.push(id)
      }
    }
    return ended
  }

  /** For each time that the connection to the journal is new, before it is read. */
  return async () => {
    const { epoch } = history
    if (epoch === null || (await redis.get(`${keyPrefix}:epoch`)) !== epoch || !(await isEndLost())) return
    const [, current] = await run('renew', epoch, randomUUID(), ...(await endedHere()))
    log.error({ epoch: current }, 'Redis lost the end of the journal: it begins a new epoch')
  }
}
