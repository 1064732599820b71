import { setImmediate } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { keyPrefix } from '../journal/scripts.ts'
import type { History } from './open.ts'

const everyMs = 60_000
const batchSize = 5000

/** Trims the journal and SQLite to the same age, so that all pods answer alike. */
export function createRetention(deps: { redis: Redis; history: History; retentionMs: number; log: Logger }) {
  const { redis, history, retentionMs, log } = deps
  let timer: NodeJS.Timeout | undefined

  async function trim() {
    const oldest = Date.now() - retentionMs
    await redis.xtrim(`${keyPrefix}:journal`, 'MINID', '~', oldest)
    // In parts, so that requests are answered in between.
    while (history.prune(new Date(oldest), batchSize) >= batchSize) await setImmediate()
  }

  return {
    trim,
    start() {
      timer = setInterval(() => {
        trim().catch((err: unknown) => log.warn({ err }, 'The history could not be trimmed'))
      }, everyMs)
    },
    stop() {
      clearInterval(timer)
    },
  }
}

export type Retention = ReturnType<typeof createRetention>
