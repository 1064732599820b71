import { Redis, type RedisOptions } from 'ioredis'
import type { Logger } from 'pino'
import { type RunScript, createScripts } from './scripts.ts'

/**
 * Four connections with different manners:
 * `front` answers clients, so it fails fast; `back` serves owners and BullMQ, so it waits for Redis to come back;
 * `tail` blocks on the journal; `deltas` connects when somebody first asks for deltas.
 */
export interface Connections {
  front: Redis
  back: Redis
  tail: Redis
  deltas: Redis
  runFront: RunScript
  runBack: RunScript
  /** Resolves when Redis answers; rejects with the last reason when it does not in `ms`. */
  connect(ms: number, signal: AbortSignal): Promise<void>
  disconnect(): void
}

const shared = {
  lazyConnect: true,
  retryStrategy: (attempt: number) => Math.min(attempt * 100, 1000),
  // After a failover the old primary answers READONLY: a new connection finds the new one.
  reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? 2 : false),
} satisfies RedisOptions

const frontCommandTimeoutMs = 2000

export function createConnections(url: string, log: Logger): Connections {
  const front = new Redis(url, {
    ...shared,
    connectionName: 'baton-front',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: frontCommandTimeoutMs,
  })
  const back = new Redis(url, { ...shared, connectionName: 'baton-back', maxRetriesPerRequest: null })
  const tail = new Redis(url, { ...shared, connectionName: 'baton-tail', maxRetriesPerRequest: null })
  const deltas = new Redis(url, { ...shared, connectionName: 'baton-deltas', maxRetriesPerRequest: null })
  const needed = [front, back, tail]
  const all = [...needed, deltas]
  let lastError: Error | undefined
  for (const redis of all) {
    redis.on('error', (error: Error) => {
      if (lastError?.message !== error.message) log.warn({ err: error }, 'Redis connection failed')
      lastError = error
    })
    redis.on('ready', () => {
      if (lastError !== undefined) log.info('Redis connection is back')
      lastError = undefined
    })
  }

  return {
    front,
    back,
    tail,
    deltas,
    runFront: createScripts(front),
    runBack: createScripts(back),
    async connect(ms, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ms)])
      await Promise.all(needed.map((redis) => ready(redis, limit, () => lastError)))
    },
    disconnect: () => all.forEach((redis) => redis.disconnect()),
  }
}

function ready(redis: Redis, limit: AbortSignal, reason: () => Error | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = () => reject(new Error('Redis does not answer', { cause: reason() ?? limit.reason }))
    if (limit.aborted) return give()
    limit.addEventListener('abort', give, { once: true })
    redis.once('ready', () => {
      limit.removeEventListener('abort', give)
      resolve()
    })
    // The retry strategy goes on after a refused first attempt; the limit above ends the wait.
    redis.connect().catch(() => {})
  })
}
