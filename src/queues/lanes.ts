import type { Logger } from 'pino'
import type { Daemons } from '../daemons/types.ts'
import type { Appender } from '../journal/appender.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Lane } from './lane.ts'

/** Whoever used a container a moment ago may use it again; a request on its way to it must find it here. */
const justUsedMs = 1000
const living = new Set(['starting', 'ready', 'busy', 'stopping'])

/**
 * The containers of this pod: claimed when there is something to do for them, given up when there is nothing more.
 * A container is released only when its agent has ended, so that there are never two on one session.
 */
export function createLanes(deps: {
  ownership: Ownership
  daemons: Daemons
  appender: Pick<Appender, 'flush'>
  openLane(containerId: string, generation: number): Lane
  /** An owned container without work and without a daemon is given up after this time. */
  idleMs: number
  log: Logger
}) {
  const { ownership, daemons, appender, openLane, idleMs, log } = deps
  const opening = new Map<string, Promise<Lane>>()
  const open = new Map<string, Lane>()
  const retiring = new Map<string, Promise<void>>()
  const usedAt = new Map<string, number>()
  const considered = new Set<string>()
  let isQuiet = false

  const use = (containerId: string) => void usedAt.set(containerId, performance.now())

  /** This container's lane, claimed when it is free; else why there is none here. */
  async function find(containerId: string, needsWork = false): Promise<Lane | 'taken' | 'unavailable'> {
    await retiring.get(containerId)
    const known = opening.get(containerId)
    if (known !== undefined) {
      use(containerId)
      return known
    }
    if (isQuiet) return 'unavailable'
    if (ownership.isFull()) await makeRoom()
    const claim = await ownership.claim(containerId, needsWork)
    if (typeof claim === 'string') return claim === 'no_work' ? 'taken' : claim
    const begun = opening.get(containerId)
    if (begun !== undefined) return begun
    // Given up again, or about to be, while the answer was on its way.
    if (ownership.generation(containerId) !== claim.generation) return 'unavailable'
    if (isQuiet) {
      await ownership.release([containerId])
      return 'unavailable'
    }
    return begin(containerId, claim.generation)
  }

  function begin(containerId: string, generation: number): Promise<Lane> {
    const lane = openLane(containerId, generation)
    open.set(containerId, lane)
    use(containerId)
    const opened = lane.open().then(
      () => lane,
      (cause: unknown) => {
        if (open.get(containerId) === lane) drop(containerId)
        throw cause
      },
    )
    opening.set(containerId, opened)
    return opened
  }

  function drop(containerId: string) {
    opening.delete(containerId)
    open.delete(containerId)
    usedAt.delete(containerId)
  }

  /** Something may be to do for this container; when this pod cannot do it, another one hears of it. */
  async function visit(containerId: string, needsWork: boolean) {
    const lane = await find(containerId, needsWork)
    if (lane === 'unavailable' || isQuiet) await ownership.call(containerId)
    else if (lane !== 'taken') await lane.sync()
  }

  function ring(containerId: string, needsWork = false) {
    visit(containerId, needsWork).catch((err: unknown) =>
      log.warn({ err, containerId }, 'The queue could not be looked at, the scan will'),
    )
  }

  /** Claims what has work and no owner, each pod in its turn, so that two seldom try at once. */
  function consider(containerId: string, graceMs = 0) {
    if (isQuiet || open.has(containerId) || considered.has(containerId)) return
    if (ownership.isFull() && spare().length === 0) return
    considered.add(containerId)
    const timer = setTimeout(() => {
      considered.delete(containerId)
      if (!isQuiet) ring(containerId, true)
    }, graceMs + ownership.delayMs(containerId))
    timer.unref()
  }

  /** Ends all that this pod does for a container, then gives it up. */
  function retire(lane: Lane) {
    const { containerId } = lane
    if (retiring.has(containerId)) return
    const ended = endAndRelease(lane)
      .catch((err: unknown) => log.error({ err, containerId }, 'The container could not be given up'))
      .finally(() => retiring.delete(containerId))
    retiring.set(containerId, ended)
  }

  async function endAndRelease(lane: Lane) {
    const { containerId } = lane
    // One that does not open has nothing that runs.
    await opening.get(containerId)?.catch(() => {})
    lane.quiet()
    await lane.ended()
    try {
      await daemons.stopOne(containerId, isQuiet ? 'shutdown' : 'idle')
      await appender.flush()
    } finally {
      // At a shutdown the queues are closed in their own step.
      if (!isQuiet) {
        drop(containerId)
        await lane.close()
      }
    }
    await ownership.release([containerId])
    log.debug({ containerId }, 'Container released')
  }

  const isRetirable = (lane: Lane, unusedMs: number) =>
    lane.isEmpty() &&
    performance.now() - (usedAt.get(lane.containerId) ?? 0) > unusedMs &&
    !retiring.has(lane.containerId)

  const hasDaemon = ({ containerId }: Lane) => living.has(daemons.info(containerId)?.state ?? 'stopped')

  const spare = () => [...open.values()].filter((lane) => isRetirable(lane, justUsedMs))

  /** The container without work that was not used for longest makes room for one with work. */
  async function makeRoom() {
    const oldest = spare().toSorted(
      (a, b) => (usedAt.get(a.containerId) ?? 0) - (usedAt.get(b.containerId) ?? 0),
    )[0]
    if (oldest === undefined) return
    retire(oldest)
    await retiring.get(oldest.containerId)
  }

  return {
    find,
    ring,
    consider,
    owned: () => [...open.values()],
    get: (containerId: string) => open.get(containerId),
    use,
    /** The safety net behind the doorbells. What was accepted a moment ago is left to the pod that accepted it. */
    async scan(graceMs = 200) {
      for (const containerId of await ownership.orphans(spare().length)) consider(containerId, graceMs)
      for (const lane of open.values()) {
        if (lane.isIdleWithWork()) lane.resync('scan')
        else if (isRetirable(lane, idleMs) && !hasDaemon(lane)) retire(lane)
      }
    },
    /** From now on nothing is claimed, and each container is given up as soon as nothing runs in it. */
    quiet() {
      isQuiet = true
      for (const lane of open.values()) retire(lane)
    },
    /** Another pod may own these by now: end all, write nothing. Resolves when no agent runs any more. */
    async lose(containerIds = [...open.keys()]) {
      const ended = containerIds.map(async (containerId) => {
        const lane = open.get(containerId)
        lane?.abort('fenced')
        lane?.quiet()
        drop(containerId)
        await daemons.kill(containerId, 'fenced')
        await lane?.close()
      })
      for (const end of await Promise.allSettled(ended))
        if (end.status === 'rejected') log.error({ err: end.reason }, 'An agent could not be ended')
    },
  }
}

export type Lanes = ReturnType<typeof createLanes>
