import type { Logger } from 'pino'
import { type Deadline, race } from '../deadline.ts'
import type { Daemons } from '../daemons/types.ts'
import type { JournalEvent } from '../journal/event.ts'
import type { Component } from '../lifecycle.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Lane } from './lane.ts'
import type { Sessions } from './sessions.ts'

const scanMs = 1000
/** Of the budget's end: time for agents to answer an interrupt and for Redis to take the job back. */
const marginMs = (budgetMs: number) => Math.min(4000, budgetMs * 0.4)

/** The lanes of the containers that this pod owns; the journal is their doorbell, a slow scan the safety net. */
export function createWorkers(deps: {
  budgetMs: number
  ownership: Ownership
  daemons: Daemons
  sessions: Sessions
  openLane(containerId: string, generation: number): Lane
  log: Logger
}) {
  const { budgetMs, ownership, daemons, sessions, openLane, log } = deps
  const lanes = new Map<string, Promise<Lane>>()
  const open = new Map<string, Lane>()
  let isQuiet = false
  let scanning: NodeJS.Timeout | undefined

  /** This container's lane, claimed when it is free; `undefined` when it is another pod's. */
  async function laneOf(containerId: string): Promise<Lane | undefined> {
    const known = lanes.get(containerId)
    if (known !== undefined) return known
    if (isQuiet) return undefined
    const generation = await ownership.claim(containerId)
    if (generation === undefined) return undefined
    const opening = lanes.get(containerId) ?? begin(containerId, generation)
    lanes.set(containerId, opening)
    return opening
  }

  async function begin(containerId: string, generation: number): Promise<Lane> {
    const lane = openLane(containerId, generation)
    open.set(containerId, lane)
    try {
      await lane.open()
    } catch (cause) {
      open.delete(containerId)
      lanes.delete(containerId)
      throw cause
    }
    return lane
  }

  /** Something may be to do for this container. */
  function ring(containerId: string) {
    laneOf(containerId)
      .then((lane) => lane?.sync())
      .catch((err: unknown) =>
        log.warn({ err, containerId }, 'The queue could not be looked at, the scan will'),
      )
  }

  async function scan() {
    for (const containerId of await ownership.orphans()) ring(containerId)
    for (const lane of open.values()) if (lane.isIdleWithWork()) lane.resync('scan')
  }

  function act(event: JournalEvent) {
    const { containerId, instructionId, type } = event
    if (containerId === null) return
    const lane = open.get(containerId)
    if (lane === undefined) return
    switch (type) {
      case 'instruction.queued':
      case 'instruction.decided':
      case 'instruction.cancelled':
      case 'queue.paused':
      case 'queue.resumed':
      case 'recovery.reset':
        return ring(containerId)
      case 'instruction.cancel_requested':
      case 'queue.interrupt_requested':
        return void lane.abort('cancel', instructionId ?? '')
      case 'daemon.start_requested':
      case 'daemon.stop_requested':
      case 'daemon.restart_requested':
        steer(lane, type).catch((err: unknown) =>
          log.warn({ err, containerId, type }, 'The request could not be met'),
        )
    }
  }

  async function steer(
    lane: Lane,
    type: 'daemon.start_requested' | 'daemon.stop_requested' | 'daemon.restart_requested',
  ) {
    const { containerId } = lane
    const isTakenByTurn =
      type !== 'daemon.start_requested' && lane.abort(type === 'daemon.stop_requested' ? 'stop' : 'restart')
    if (isTakenByTurn) return
    if (type !== 'daemon.start_requested') await daemons.stopOne(containerId, 'requested')
    if (type !== 'daemon.stop_requested') await sessions.ready(containerId, AbortSignal.timeout(60_000))
  }

  async function stop(deadline: Deadline) {
    log.info(`Waiting for active workers to finish (max ${Math.round(budgetMs / 1000)}s)...`)
    const running = [...open.values()].map(async (lane) => {
      const startedAt = performance.now()
      await lane.ended()
      log.info(
        { containerId: lane.containerId, ms: Math.round(performance.now() - startedAt) },
        'Worker stopped',
      )
    })
    const all = Promise.all(running)
    const margin = marginMs(budgetMs)
    await race(all, deadline.remainingMs() - margin)
    for (const lane of open.values()) lane.abort('drain')
    await race(all, deadline.remainingMs() - margin / 2)
    const left = [...open.values()].filter((lane) => lane.isRunning())
    const forced = Promise.allSettled(left.map((lane) => lane.force()))
    const results = await race(forced, deadline.remainingMs() - 50)
    const failed = Array.isArray(results) ? results.find((result) => result.status === 'rejected') : undefined
    if (!Array.isArray(results)) throw new Error('running instructions could not be handed back in time')
    if (failed !== undefined)
      throw new Error('an instruction could not be handed back', { cause: failed.reason })
    log.info('All workers stopped')
  }

  return {
    name: 'workers',
    budgetMs,
    start() {
      scanning = setInterval(() => {
        scan().catch((err: unknown) => log.debug({ err }, 'The scan failed'))
      }, scanMs)
    },
    quiet() {
      isQuiet = true
      clearInterval(scanning)
      for (const lane of open.values()) lane.quiet()
    },
    stop,
    ring,
    act,
    async claim(containerId: string) {
      await laneOf(containerId)
    },
    /** Another pod may own everything by now: end all, write nothing. */
    loseAll() {
      for (const lane of open.values()) {
        lane.abort('fenced')
        lane.quiet()
      }
      for (const { containerId } of daemons.list()) {
        daemons
          .kill(containerId, 'fenced')
          .catch((err: unknown) => log.error({ err, containerId }, 'Agent not killed'))
      }
      open.clear()
      lanes.clear()
    },
    lanes: () => [...open.values()],
  } satisfies Component & Record<string, unknown>
}

export type Workers = ReturnType<typeof createWorkers>
