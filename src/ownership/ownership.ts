import type { Logger } from 'pino'
import type { RunScript } from '../journal/scripts.ts'

const heartbeatMs = 1000
/** Without a renewal for this long, others may call this pod dead: so it must stop its own work. */
export const heartbeatTtlMs = 3000

/**
 * What this pod owns, and the heartbeat that keeps it so. The generation of a claim fences every write:
 * a pod that lost a container can change nothing more in it.
 */
export function createOwnership(deps: {
  run: RunScript
  podId: string
  maxContainers: number
  log: Logger
  /** The pod could not renew in time, so its containers may belong to others by now. */
  onLost(): void
}) {
  const { run, podId, maxContainers, log, onLost } = deps
  const generations = new Map<string, number>()
  let isDraining = false
  let renewedAt = 0
  let isLost = false
  let timer: NodeJS.Timeout | undefined

  async function heartbeat() {
    const askedAt = performance.now()
    await run('heartbeat', podId, heartbeatTtlMs, isDraining ? 1 : 0)
    renewedAt = askedAt
    if (isLost) log.info('The heartbeat is back')
    isLost = false
  }

  function beat() {
    heartbeat().catch((cause: unknown) => {
      if (!isLost) log.warn({ err: cause }, 'The heartbeat failed')
    })
    if (!isLost && performance.now() - renewedAt > heartbeatTtlMs) {
      isLost = true
      log.error('The heartbeat could not be renewed: this pod ends its own work')
      generations.clear()
      onLost()
    }
  }

  return {
    podId,
    async start() {
      await heartbeat()
      timer = setInterval(beat, heartbeatMs)
    },
    /** A draining pod takes no more containers. */
    quiet() {
      isDraining = true
    },
    /** The generation of this pod's claim; `undefined` when it does not own the container. */
    generation: (containerId: string) => generations.get(containerId),
    owned: () => [...generations.keys()],
    /** Resolves to the generation, or `undefined` when another living pod owns it or this one is full or draining. */
    async claim(containerId: string): Promise<number | undefined> {
      const known = generations.get(containerId)
      if (known !== undefined) return known
      if (isDraining || isLost || generations.size >= maxContainers) return undefined
      const [outcome, generation] = await run('claim', containerId, podId)
      if (outcome !== 'ok') return undefined
      generations.set(containerId, Number(generation))
      return Number(generation)
    },
    async release(containerIds: string[]) {
      for (const containerId of containerIds) generations.delete(containerId)
      if (containerIds.length > 0) await run('release', podId, ...containerIds)
    },
    async orphans(): Promise<string[]> {
      const room = maxContainers - generations.size
      if (isDraining || isLost || room <= 0) return []
      return (await run('orphans', room)).map(String)
    },
    /** Ends the heartbeat and says so, so that nobody waits for it to expire. */
    async stop() {
      clearInterval(timer)
      await run('leave', podId)
    },
    /** Ends the heartbeat without a word: Redis is not there to hear it. */
    abandon() {
      clearInterval(timer)
    },
  }
}

export type Ownership = ReturnType<typeof createOwnership>
