import type { Logger } from 'pino'
import { type Deadline, race, timedOut } from '../deadline.ts'
import { messageOf } from '../errors.ts'
import type { Retention } from '../history/retention.ts'
import type { Tail } from '../history/tail.ts'
import type { Appender } from '../journal/appender.ts'
import type { Connections } from '../journal/redis.ts'
import type { Component } from '../lifecycle.ts'
import type { Ownership } from '../ownership/ownership.ts'
import type { Lane } from './lane.ts'

/** How long a start waits for Redis: in a new cluster both come up together. */
const connectMs = 30_000

/** Everything that needs Redis: opened before the workers, closed when nothing writes any more. Jobs stay in Redis. */
export function createQueues(deps: {
  budgetMs: number
  podId: string
  connections: Connections
  ownership: Ownership
  tail: Tail
  retention: Retention
  appender: Appender
  lanes(): Lane[]
  inFlight: { idle(ms: number): Promise<boolean> }
  closeForWrites(): void
  /** Resolves to the journal's epoch when this pod's history agrees with it. */
  onOpen(): Promise<string>
  log: Logger
}) {
  const {
    budgetMs,
    podId,
    connections,
    ownership,
    tail,
    retention,
    appender,
    lanes,
    inFlight,
    closeForWrites,
    onOpen,
    log,
  } = deps
  let isOpen = false
  const announce = (type: string, data: object) => connections.runBack('announce', type, JSON.stringify(data))

  return {
    name: 'queues',
    budgetMs,
    async start(signal: AbortSignal) {
      await connections.connect(connectMs, signal)
      await ownership.start(await onOpen())
      isOpen = true
      tail.start()
      retention.start()
      await announce('service.started', { pod: podId })
    },
    quiet() {
      ownership.quiet()
    },
    async stop(deadline: Deadline, reportSoFar?: unknown) {
      log.info('Destroying all queues...')
      closeForWrites()
      retention.stop()
      const left = (share: number) => deadline.remainingMs() * share
      const problems: string[] = []
      const attempt = async (what: string, promise: Promise<unknown>, ms: number) => {
        const outcome = await race(promise, ms).catch((cause: unknown) => {
          problems.push(`${what}: ${messageOf(cause)}`)
        })
        if (outcome === timedOut) problems.push(`${what}: no answer in time`)
      }
      if (!isOpen) return connections.disconnect()
      if (!(await inFlight.idle(left(0.3)))) problems.push('requests in flight: not finished in time')
      if (connections.back.status === 'ready') {
        await attempt('journal', appender.flush(), left(0.4))
        const ms = left(0.6)
        const report = announce('service.stopped', { pod: podId, report: reportSoFar })
        await Promise.all([
          attempt('ownership', ownership.stop(), ms),
          attempt(
            'report',
            report.then(() => tail.caughtUp(ms)),
            ms,
          ),
        ])
      } else {
        ownership.abandon()
        problems.push('Redis does not answer: containers stay claimed until the heartbeat expires')
      }
      for (const lane of lanes()) {
        await attempt(`queue of ${lane.containerId}`, lane.close(), left(0.5))
        log.info({ containerId: lane.containerId }, 'Queue destroyed')
      }
      await attempt('journal tail', tail.stop(), left(0.5))
      connections.disconnect()
      if (problems.length > 0) throw new Error(problems.join('; '))
      log.info('All queues destroyed')
    },
  } satisfies Component
}
