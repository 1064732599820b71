import type { Logger } from 'pino'
import { type Deadline, race } from '../deadline.ts'
import type { Daemons } from '../daemons/types.ts'
import type { JournalEvent } from '../journal/event.ts'
import type { Component } from '../lifecycle.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import type { Sessions } from './sessions.ts'

const scanMs = 1000
/** Of the budget's end: time for agents to answer an interrupt and for Redis to take the job back. */
const marginMs = (budgetMs: number) => Math.min(4000, budgetMs * 0.4)

/** What runs in this pod's containers; the journal is the doorbell, a slow scan the safety net. */
export function createWorkers(deps: {
  budgetMs: number
  podId: string
  lanes: Lanes
  daemons: Daemons
  sessions: Sessions
  log: Logger
}) {
  const { budgetMs, podId, lanes, daemons, sessions, log } = deps
  let scanning: NodeJS.Timeout | undefined

  function scan(graceMs?: number) {
    lanes.scan(graceMs).catch((err: unknown) => log.debug({ err }, 'The scan failed'))
  }

  function act(event: JournalEvent) {
    const { containerId, instructionId, type, data } = event
    if (containerId === null) {
      if (type === 'service.owner_wanted' && data.pod !== podId)
        for (const wanted of data.containers as string[]) lanes.consider(wanted)
      return
    }
    const lane = lanes.get(containerId)
    if (lane === undefined) return
    lanes.use(containerId)
    switch (type) {
      case 'instruction.queued':
      case 'instruction.decided':
      case 'instruction.cancelled':
      case 'queue.paused':
      case 'queue.resumed':
      case 'recovery.reset':
        return lanes.ring(containerId)
      case 'instruction.moved':
        return lane.reorder()
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
    const open = lanes.owned()
    const running = open.map(async (lane) => {
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
    for (const lane of open) lane.abort('drain')
    await race(all, deadline.remainingMs() - margin / 2)
    const left = open.filter((lane) => lane.isRunning())
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
      scanning = setInterval(() => scan(), scanMs)
    },
    quiet() {
      clearInterval(scanning)
      lanes.quiet()
    },
    stop,
    act,
    /** A pod died: nobody else knows of what it accepted. */
    claimOrphans: () => scan(0),
  } satisfies Component & Record<string, unknown>
}
