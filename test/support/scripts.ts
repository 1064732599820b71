import type { TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { openEpoch } from '../../src/journal/epoch.ts'
import { decodeEntry } from '../../src/journal/entry.ts'
import { type RunScript, createScripts, keyPrefix } from '../../src/journal/scripts.ts'
import { startRedis } from './redis.ts'

/** The scripts on a real Redis with an open epoch, and the journal as the scripts left it. */
export async function startScripts(t: TestContext) {
  const server = await startRedis(t)
  const redis = new Redis(server.url, { maxRetriesPerRequest: null })
  t.after(() => redis.disconnect())
  const epoch = await openEpoch(redis)
  const run: RunScript = createScripts(redis)

  async function journal() {
    const entries = await redis.xrange(`${keyPrefix}:journal`, '-', '+')
    return entries.map(([id, fields]) => decodeEntry(id, fields).event)
  }

  /** A registered container owned by `pod`; answers its generation. */
  async function own(containerId: string, pod: string): Promise<number> {
    await run('register', containerId)
    await run('heartbeat', pod, 60_000, 0)
    const [, generation] = await run('claim', containerId, pod, 1, 0)
    return Number(generation)
  }

  const accept = (containerId: string, id: string, limit = 100) =>
    run('accept', containerId, id, `text of ${id}`, '', limit, '{}')

  return { server, redis, run, epoch, journal, own, accept }
}
