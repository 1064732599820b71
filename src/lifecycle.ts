import type { Logger } from 'pino'
import { type Deadline, race, timedOut } from './deadline.ts'
import { stopStep } from './shutdown-step.ts'

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
  /** `skipped`: it had not been started. */
  outcome: 'ok' | 'failed' | 'timed out' | 'skipped'
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
const afterFailureDefaultMs = 5000
const keepsItsBudget = 'workers'
/** How long a start that is broken off may take to notice. */
const startEndsMs = 1000

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
  afterFailureMs?: number
}) {
  const { components, drainMs, log, onPhase, onStep, afterFailureMs = afterFailureDefaultMs } = deps
  const started = new Set<Component>()
  const starting = new AbortController()
  const failure = Promise.withResolvers<void>()
  let beginning: Promise<void> | undefined
  let ending: Promise<Shutdown> | undefined
  let isRunning = false
  /** On the clock of `performance.now()`; infinite until something fails. */
  let endsAt = Number.POSITIVE_INFINITY

  const hasFailed = () => endsAt !== Number.POSITIVE_INFINITY

  function fail() {
    if (!hasFailed()) endsAt = performance.now() + afterFailureMs
    failure.resolve()
  }

  async function startAll() {
    for (const component of components.toReversed()) {
      starting.signal.throwIfAborted()
      // One that fails half-way has something to stop too.
      started.add(component)
      await component.start?.(starting.signal)
    }
    starting.signal.throwIfAborted()
    isRunning = true
    onPhase?.('running')
  }

  async function endStart() {
    if (isRunning || beginning === undefined) return
    starting.abort(new Error('stopped during the start'))
    const ended = beginning.catch(() => {})
    if ((await race(ended, startEndsMs)) !== timedOut) return
    log.error(
      { step: [...started].at(-1)?.name, ms: startEndsMs },
      'The start did not end when it was told to',
    )
    fail()
  }

  async function stopInTime(component: Component, before: StepReport[]): Promise<StepReport> {
    const beganAt = performance.now()
    const isCounted = component.name !== keepsItsBudget
    const leftMs = isCounted ? Math.max(0, endsAt - beganAt) : component.budgetMs
    // Whole milliseconds: an AbortSignal takes no others.
    const budgetMs = Math.round(Math.min(component.budgetMs, leftMs))
    const step = await stopStep(component, budgetMs, before, log)
    // The clock stands still for the workers, from their beginning or from the failure while they ended.
    if (!isCounted && hasFailed()) endsAt += performance.now() - Math.max(beganAt, endsAt - afterFailureMs)
    if (step.outcome !== 'ok') fail()
    return step
  }

  async function stopAll(reason: string): Promise<Shutdown> {
    const beganAt = performance.now()
    const startedAt = new Date().toISOString()
    log.info({ reason }, 'Received shutdown signal, starting graceful shutdown')
    attempt('readiness', () => onPhase?.('draining'))
    await endStart()
    for (const component of started) attempt(component.name, () => component.quiet?.())
    const drainedMs = await drain()
    attempt('readiness', () => onPhase?.('stopping'))
    const steps: StepReport[] = []
    for (const component of components) {
      const step = started.has(component) ? await stopInTime(component, [...steps]) : skipped(component)
      steps.push(step)
      attempt(step.name, () => onStep?.(step))
    }
    attempt('readiness', () => onPhase?.('stopped'))
    log.info(hasFailed() ? 'Shutdown completed with failures' : 'Graceful shutdown completed')
    const totalMs = Math.round(performance.now() - beganAt)
    return { reason, startedAt, drainMs: drainedMs, totalMs, exitCode: hasFailed() ? 1 : 0, steps }
  }

  /** Nobody sends anything to a service that never ran, and a failure leaves no time for it. */
  async function drain(): Promise<number> {
    const beganAt = performance.now()
    if (isRunning && drainMs > 0) await race(failure.promise, hasFailed() ? 0 : drainMs)
    return Math.round(performance.now() - beganAt)
  }

  /** What must not keep the steps from running. */
  function attempt(step: string, work: () => void) {
    try {
      work()
    } catch (err) {
      log.error({ step, err }, 'The shutdown could not be announced')
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

const skipped = ({ name }: Component): StepReport => ({ name, outcome: 'skipped', ms: 0 })

export type Lifecycle = ReturnType<typeof createLifecycle>
