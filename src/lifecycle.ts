import type { Logger } from 'pino'
import { type Deadline, createDeadline, race, timedOut } from './deadline.ts'

/** A part of the service with a life of its own. */
export interface Component {
  name: string
  /** Milliseconds that `stop` may take. */
  budgetMs: number
  start?(signal: AbortSignal): Promise<void> | void
  /** At the moment of the signal, before the drain window: take nothing new. */
  quiet?(): void
  /** `steps` are those before this one. */
  stop?(deadline: Deadline, steps?: StepReport[]): Promise<void> | void
}

export interface StepReport {
  name: string
  outcome: 'ok' | 'failed' | 'timed out'
  ms: number
  error?: string
}

export interface Shutdown {
  reason: string
  startedAt: string
  drainMs: number
  totalMs: number
  exitCode: 0 | 1
  steps: StepReport[]
}

export type Phase = 'starting' | 'running' | 'draining' | 'stopping' | 'stopped'

/** What is left after the first failure; the running instructions keep their own budget. */
const afterFailureMs = 5000
const keepsItsBudget = 'workers'

/**
 * Starts the list from the bottom and stops it from the top. A step that throws or runs out of its budget is logged
 * and the next one runs; after the first failure all that remains has 5 s.
 */
export function createLifecycle(deps: {
  components: Component[]
  drainMs: number
  log: Logger
  onPhase?(phase: Phase): void
  onStep?(step: StepReport): void
}) {
  const { components, drainMs, log, onPhase, onStep } = deps
  const started = new Set<Component>()
  const starting = new AbortController()
  let beginning: Promise<void> | undefined
  let ending: Promise<Shutdown> | undefined
  let hasFailed = false
  let remainingMs = Number.POSITIVE_INFINITY

  function fail() {
    hasFailed = true
    remainingMs = Math.min(remainingMs, afterFailureMs)
  }

  async function startAll() {
    for (const component of components.toReversed()) {
      starting.signal.throwIfAborted()
      // One that fails half-way has something to stop too.
      started.add(component)
      await component.start?.(starting.signal)
    }
    onPhase?.('running')
  }

  async function stopStep(component: Component, steps: StepReport[]): Promise<StepReport> {
    const isTimed = component.name !== keepsItsBudget
    const budgetMs = isTimed ? Math.min(component.budgetMs, remainingMs) : component.budgetMs
    const beganAt = performance.now()
    const took = () => Math.round(performance.now() - beganAt)
    const done = (step: Omit<StepReport, 'name' | 'ms'>): StepReport => ({ name: component.name, ms: took(), ...step })
    try {
      const stopped = Promise.try(async () => component.stop?.(createDeadline(budgetMs), steps))
      if ((await race(stopped, budgetMs)) !== timedOut) return done({ outcome: 'ok' })
      log.error({ step: component.name, ms: took(), budgetMs }, 'Shutdown step ran out of time')
      return done({ outcome: 'timed out', error: `not within ${Math.round(budgetMs)} ms` })
    } catch (err) {
      log.error({ step: component.name, ms: took(), err }, 'Shutdown step failed')
      return done({ outcome: 'failed', error: err instanceof Error ? err.message : String(err) })
    } finally {
      if (isTimed) remainingMs = Math.max(0, remainingMs - took())
    }
  }

  async function stopAll(reason: string): Promise<Shutdown> {
    const beganAt = performance.now()
    const startedAt = new Date().toISOString()
    log.info({ reason }, 'Received shutdown signal, starting graceful shutdown')
    starting.abort(new Error(`stopped by ${reason}`))
    await beginning?.catch(() => {})
    onPhase?.('draining')
    for (const component of started) quiet(component)
    // Nobody sends anything to a service that never ran.
    const drainedMs = started.size === components.length && !hasFailed ? drainMs : 0
    await race(new Promise<never>(() => {}), drainedMs)
    onPhase?.('stopping')
    const steps: StepReport[] = []
    for (const component of components) {
      if (!started.has(component)) continue
      const step = await stopStep(component, [...steps])
      if (step.outcome !== 'ok') fail()
      steps.push(step)
      onStep?.(step)
    }
    onPhase?.('stopped')
    log.info(hasFailed ? 'Shutdown completed with failures' : 'Graceful shutdown completed')
    const totalMs = Math.round(performance.now() - beganAt)
    return { reason, startedAt, drainMs: drainedMs, totalMs, exitCode: hasFailed ? 1 : 0, steps }
  }

  function quiet(component: Component) {
    try {
      component.quiet?.()
    } catch (err) {
      log.error({ step: component.name, err }, 'A component did not become quiet')
      fail()
    }
  }

  return {
    /** Rejects when a component does not start; what has started then waits for `stop`. */
    start(): Promise<void> {
      onPhase?.('starting')
      beginning = startAll()
      return beginning
    },
    /** Called again, it gives the same shutdown. */
    stop(reason: string): Promise<Shutdown> {
      ending ??= stopAll(reason)
      return ending
    },
    /** Something went wrong outside of the steps: the exit code will say so. */
    fail,
    isStopping: () => ending !== undefined,
  }
}

export type Lifecycle = ReturnType<typeof createLifecycle>
