import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import type { Deadline } from '../deadline.ts'
import type { AgentDelta } from './agent-events.ts'
import { createDaemon, type Daemon, type DaemonConfig } from './daemon.ts'
import { endLeftover, sweepLeftovers } from './leftovers.ts'
import { createGate } from './gate.ts'
import { createTreeKiller } from './process-tree.ts'
import { type DaemonEvent, type Daemons, type DaemonState } from './types.ts'
import { openWorkspace } from './workspace.ts'

export { sweepLeftovers } from './leftovers.ts'
export * from './types.ts'

const stopMs = 5000
/**
 * Agents that start at once. A pod that takes over hundreds of containers would else have no time for its own heartbeat,
 * and none of its agents would answer in time.
 */
const startsAtOnce = Math.max(16, 4 * availableParallelism())
/** Of a shutdown's budget: for the last events and log lines. */
const marginMs = 250
const alive = new Set<DaemonState>(['starting', 'ready', 'busy', 'stopping'])

/** The daemons of this pod, one per container. */
export function createDaemons(deps: {
  config: DaemonConfig
  log: Logger
  emit: (containerId: string, event: DaemonEvent) => void | Promise<void>
  onDelta?: (containerId: string, delta: AgentDelta & { instructionId: string | null }) => void
  env: NodeJS.ProcessEnv
}): Daemons {
  const { config, log, emit, onDelta, env } = deps
  const killer = createTreeKiller()
  const startGate = createGate(startsAtOnce)
  const daemons = new Map<string, Daemon>()
  const listeners: Parameters<Daemons['onExit']>[0][] = []
  const closing = new AbortController()
  /** Those that ended since the signal, with the milliseconds it took: their containers were given up before this step. */
  const stoppedEarly = new Map<string, number>()

  function daemonOf(containerId: string): Daemon {
    const found = daemons.get(containerId)
    if (found !== undefined) return found
    const made = createDaemon({
      containerId,
      config,
      env,
      killer,
      startGate,
      log,
      emit: (event) => emit(containerId, event),
      onDelta: (delta) => onDelta?.(containerId, delta),
      onExit: (info) => listeners.forEach((listener) => listener(containerId, info)),
    })
    daemons.set(containerId, made)
    return made
  }

  const list = () =>
    [...daemons.values()].map((daemon) => daemon.info()).filter(({ state }) => alive.has(state))

  async function stopAndLog(containerId: string, ms: number) {
    const startedAt = performance.now()
    await daemons.get(containerId)?.stop('shutdown', ms)
    log.info({ containerId, ms: Math.round(performance.now() - startedAt) }, 'Claude session stopped')
  }

  return {
    name: 'daemons',
    budgetMs: stopMs,
    async start() {
      const left = await sweepLeftovers(config.WORKSPACES_DIR)
      if (left.length > 0)
        log.warn({ containers: left }, 'Agents left by an earlier service process were ended')
    },
    async ensure(containerId, session, signal) {
      const given = signal === undefined ? [] : [signal]
      return daemonOf(containerId).ensure(session, AbortSignal.any([...given, closing.signal]))
    },
    async run(containerId, turn, signal) {
      const running = daemons.get(containerId)?.running()
      // It ended since it was ready: its exit has been told already.
      return running?.run(turn, signal) ?? { kind: 'crashed', isInsideTool: false }
    },
    info: (containerId) => daemons.get(containerId)?.info(),
    list,
    async ping(containerId, ms) {
      return (await daemons.get(containerId)?.running()?.agent.ping(ms)) ?? false
    },
    async kill(containerId, reason) {
      await daemons.get(containerId)?.kill(reason)
    },
    async stopOne(containerId, reason) {
      const startedAt = performance.now()
      await daemons.get(containerId)?.stop(reason, stopMs)
      if (reason === 'shutdown' && daemons.has(containerId))
        stoppedEarly.set(containerId, Math.round(performance.now() - startedAt))
    },
    async endLeftover(containerId) {
      if (await endLeftover(await openWorkspace(config.WORKSPACES_DIR, containerId), killer))
        log.warn({ containerId }, 'The agent of a dead owner was ended')
    },
    killAllNow: killer.killAllNow,
    onExit: (listener) => void listeners.push(listener),
    async stop(deadline: Deadline) {
      log.info('Stopping all Claude daemons...')
      for (const [containerId, ms] of stoppedEarly) log.info({ containerId, ms }, 'Claude session stopped')
      closing.abort(new Error('the service is stopping'))
      const ms = Math.max(0, Math.min(deadline.remainingMs(), stopMs) - marginMs)
      const results = await Promise.allSettled(list().map(({ containerId }) => stopAndLog(containerId, ms)))
      const failed = results
        .filter((result) => result.status === 'rejected')
        .map(({ reason }) => reason as unknown)
      if (failed.length > 0) throw new AggregateError(failed, 'agents could not be ended')
      log.info('All Claude daemons stopped')
    },
  }
}
