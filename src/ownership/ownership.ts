import type { Logger } from 'pino'
import type { RunScript } from '../journal/scripts.ts'
import { createHeartbeat } from './heartbeat.ts'
import { rankOf } from './placement.ts'

/** How long each pod leaves the claim to the one before it in the order of a container's candidates. */
const turnMs = 100

/** `taken`: a living pod has it. `no_work`: nothing to claim it for. `unavailable`: this pod is full, draining or cut off. */
export type Claim = { generation: number } | 'taken' | 'no_work' | 'unavailable'

/**
 * What this pod owns, and the heartbeat that keeps it so. The generation of a claim fences every write:
 * a pod that lost a container can change nothing more in it.
 */
export function createOwnership(deps: {
  run: RunScript
  podId: string
  maxContainers: number
  log: Logger
  /** Others may own this pod's containers by now: ends all that it does for them. */
  onLost(): Promise<void>
  /** Redis answers but has lost its data: resolves to the new epoch when the journal is open again. */
  onEmpty(): Promise<string>
  /** A pod died: its containers are free. */
  onDeath(): void
}) {
  const { run, podId, maxContainers, log, onLost, onEmpty, onDeath } = deps
  const generations = new Map<string, number>()
  let isDraining = false
  let isLost = false
  let isReturning = false
  let lost: string[] = []
  let ended = Promise.resolve()

  const heartbeat = createHeartbeat({
    run,
    podId,
    log,
    onLost: lose,
    onEmpty,
    onRenewed() {
      if (!isLost || isReturning) return
      isReturning = true
      comeBack()
        .catch((err: unknown) => log.warn({ err }, 'The claims from before could not be given up'))
        .finally(() => {
          isReturning = false
        })
    },
    onDeath,
  })

  function lose(why: string) {
    if (isLost) return
    isLost = true
    lost = [...generations.keys()]
    generations.clear()
    log.error({ containers: lost.length }, why)
    ended = onLost()
  }

  /** Its claims still stand in Redis, but the work behind them has ended: whoever takes them claims anew. */
  async function comeBack() {
    await ended
    if (lost.length > 0) await run('release', podId, ...lost)
    lost = []
    isLost = false
    log.info('The heartbeat is back')
  }

  return {
    podId,
    start: (epoch: string) => heartbeat.start(epoch),
    /** A draining pod takes no more containers. */
    quiet() {
      isDraining = true
      heartbeat.quiet()
    },
    /** The generation of this pod's claim; `undefined` when it does not own the container. */
    generation: (containerId: string) => generations.get(containerId),
    owned: () => [...generations.keys()],
    isFull: () => generations.size >= maxContainers,
    async claim(containerId: string, needsWork: boolean): Promise<Claim> {
      const known = generations.get(containerId)
      if (known !== undefined) return { generation: known }
      if (isDraining || isLost || generations.size >= maxContainers) return 'unavailable'
      const flags = [heartbeat.mayJudge() ? 1 : 0, needsWork ? 1 : 0]
      const [outcome, generation] = await run('claim', containerId, podId, ...flags)
      if (outcome !== 'ok') return outcome === 'no_work' ? 'no_work' : 'taken'
      if (isLost) return 'unavailable'
      generations.set(containerId, Number(generation))
      return { generation: Number(generation) }
    },
    /** Milliseconds that this pod leaves the claim to others. */
    delayMs: (containerId: string) => rankOf(podId, heartbeat.candidates(), containerId) * turnMs,
    /** Gives containers up; other pods hear at once of those that have work. */
    async release(containerIds: string[]) {
      for (const containerId of containerIds) generations.delete(containerId)
      if (containerIds.length > 0) await run('release', podId, ...containerIds)
    },
    /** Calls for an owner, when the container has work and none. */
    async call(containerId: string) {
      if (!generations.has(containerId)) await run('release', podId, containerId)
    },
    /** Another pod owns this one, although nobody told. */
    forget(containerId: string) {
      generations.delete(containerId)
    },
    /** Containers with work and no owner, as many as have room when `spare` of this pod's own are given up. */
    async orphans(spare: number): Promise<string[]> {
      const room = maxContainers - generations.size + spare
      if (isDraining || isLost || room <= 0) return []
      return (await run('orphans', room, heartbeat.mayJudge() ? 1 : 0)).map(String)
    },
    /** Gives up what is left, ends the heartbeat and says so, so that nobody waits for it to expire. */
    async stop() {
      heartbeat.stop()
      const left = [...generations.keys()]
      generations.clear()
      await Promise.all([left.length > 0 && run('release', podId, ...left), run('leave', podId)])
    },
    /** Ends the heartbeat without a word: Redis is not there to hear it. */
    abandon() {
      heartbeat.stop()
    },
  }
}

export type Ownership = ReturnType<typeof createOwnership>
