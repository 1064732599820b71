import { normalizeIP, type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { Config } from '../config.ts'
import { race } from '../deadline.ts'
import { isServiceError, serviceError } from '../errors.ts'
import { isForThePod } from './access.ts'

const windowMs = 60_000
/** A count that takes longer is not worth the wait, and the next ones are not asked for. */
const patienceMs = 250
const pauseMs = 2000

type Count = ReturnType<FastifyInstance['createRateLimit']>
type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** Callers are told apart by what authentication found; who is nobody yet is an address. */
const callerOf = ({ grant, ip }: FastifyRequest): string =>
  grant === null || grant.key.startsWith('address:') ? `address:${normalizeIP(ip)}` : grant.key

type Limit = Pick<Config, 'RATE_LIMIT_PER_MINUTE'>

/** Without `redis` this process counts alone. */
export const rateOptions = (
  { RATE_LIMIT_PER_MINUTE }: Limit,
  redis: Redis | undefined,
): RateLimitPluginOptions => ({
  global: false,
  max: RATE_LIMIT_PER_MINUTE,
  timeWindow: windowMs,
  nameSpace: '{baton}:rate:',
  keyGenerator: callerOf,
  ...(redis === undefined ? {} : { redis }),
})

/**
 * Requests per minute and caller, counted in Redis for all pods together. Redis away: nobody is counted, because a limit
 * must not take the service down that it protects.
 */
export function createRate({ RATE_LIMIT_PER_MINUTE: max }: Limit, count: Count) {
  let pausedUntil = 0

  async function take(request: FastifyRequest, reply: FastifyReply) {
    if (max === 0 || performance.now() < pausedUntil) return
    const counted = await race(
      count(request).catch(() => undefined),
      patienceMs,
    )
    if (typeof counted !== 'object') {
      pausedUntil = performance.now() + pauseMs
      return
    }
    if (counted.isAllowed) return
    const { remaining, ttlInSeconds, isExceeded } = counted
    reply
      .header('ratelimit-limit', max)
      .header('ratelimit-remaining', remaining)
      .header('ratelimit-reset', ttlInSeconds)
    if (!isExceeded) return
    reply.header('retry-after', Math.max(1, ttlInSeconds))
    throw serviceError('rate_limited', `More than ${max} requests in a minute`)
  }

  return {
    /** Tokens that are not known count for their address: guessing them has a rate too. */
    guarded:
      (guard: Hook): Hook =>
      async (request, reply) => {
        try {
          await guard(request, reply)
        } catch (error) {
          if (isServiceError(error) && error.code === 'unauthenticated') await take(request, reply)
          throw error
        }
      },
    check: async (request: FastifyRequest, reply: FastifyReply) => {
      if (!isForThePod(request)) await take(request, reply)
    },
  }
}
