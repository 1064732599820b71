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
  /** Redis answers but has lost its data: resolves when the journal is open again. */
  onEmpty(): Promise<void>
}) {
  const { run, podId, maxContainers, log, onLost, onEmpty } = deps
  const generations = new Map<string, number>()
  let isDraining = false
  let renewedAt = 0
  let isLost = false
  let lost: string[] = []
  let timer: NodeJS.Timeout | undefined

  async function heartbeat() {
    const askedAt = performance.now()
    await run('heartbeat', podId, heartbeatTtlMs, isDraining ? 1 : 0)
    renewedAt = askedAt
    if (!isLost) return
    // Its claims still stand in Redis, but the work behind them has ended: whoever takes them claims anew.
    if (lost.length > 0) await run('release', podId, ...lost)
    lost = []
    isLost = false
    log.info('The heartbeat is back')
  }

  function lose(why: string) {
    if (isLost) return
    isLost = true
    lost = [...generations.keys()]
    generations.clear()
    log.error({ containers: lost.length }, why)
    onLost()
  }

  function beat() {
    heartbeat()
      .catch(async (err: Error) => {
        if (!err.message.startsWith('NOEPOCH')) throw err
        lose('Redis lost its data: this pod ends its own work and puts the instructions back')
        await onEmpty()
      })
      .catch((err: unknown) => {
        if (!isLost) log.warn({ err }, 'The heartbeat failed')
      })
    if (performance.now() - renewedAt > heartbeatTtlMs) {
      lose('The heartbeat could not be renewed: this pod ends its own work')
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
