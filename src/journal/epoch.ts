import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import { keyPrefix } from './scripts.ts'

/** The journal's epoch, begun here when Redis has none: a new installation, or one that lost its data. */
export async function openEpoch(redis: Redis): Promise<string> {
  const key = `${keyPrefix}:epoch`
  await redis.set(key, randomUUID(), 'NX')
  const epoch = await redis.get(key)
  if (epoch === null) throw new Error('the epoch vanished while it was opened')
  return epoch
}
