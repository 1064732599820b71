import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Daemons } from '../daemons/types.ts'
import type { OwnerEvent } from '../journal/appender.ts'
import type { RunScript } from '../journal/scripts.ts'
import type { Sessions } from '../queues/sessions.ts'

export type Ailment = 'exited' | 'unresponsive' | 'stalled'
export type RecoveryEnd = 'recovered' | 'quarantined' | 'stopped'

export interface Recovery {
  /** Brings a container's daemon back; asked twice at once, it is one recovery. */
  recover(containerId: string, reason: Ailment): Promise<RecoveryEnd>
  isRecovering(containerId: string): boolean
  /** Ends every recovery, one in its delay too. */
  stop(): Promise<void>
}

/**
 * Kills what is left of the agent's tree, waits for its end and resumes the same session, a bounded number of times.
 * The count lives in Redis, so it outlives pods; a finished instruction or a reset clears it.
 */
export function createRecovery(deps: {
  run: RunScript
  podId: string
  generation(containerId: string): number | undefined
  daemons: Daemons
  sessions: Sessions
  emit(containerId: string, event: OwnerEvent): Promise<void>
  maxAttempts: number
  delayMs: number
  log: Logger
  onEnd(end: RecoveryEnd): void
}): Recovery {
  const { run, podId, generation, daemons, sessions, emit, maxAttempts, delayMs, log, onEnd } = deps
  const stopping = new AbortController()
  const active = new Map<string, Promise<RecoveryEnd>>()

  async function attemptAll(containerId: string, reason: Ailment): Promise<RecoveryEnd> {
    const say = (type: string, data: Record<string, unknown>) =>
      emit(containerId, { type, instructionId: null, data })
    // Two saw the same exit, and the first has mended it already.
    if (daemons.info(containerId)?.state === 'ready') return 'recovered'
    await say('health', { status: 'unhealthy', reason })
    while (!stopping.signal.aborted) {
      const fence = generation(containerId)
      if (fence === undefined) return 'stopped'
      const [outcome, count] = await run('recovery', containerId, podId, fence, maxAttempts)
      if (outcome === 'fenced') return 'stopped'
      if (outcome === 'quarantined') {
        await say('recovery_failed', {
          attempts: Number(count),
          reason,
          message: 'manual intervention required',
        })
        log.error({ containerId, reason }, 'Recovery failed, manual intervention required')
        return 'quarantined'
      }
      const attempt = Number(count)
      await say('recovering', { attempt, maxAttempts, reason })
      log.warn({ containerId, attempt, maxAttempts, reason }, 'Recovering Claude daemon')
      if (attempt > 1 && !(await isDelayOver())) return 'stopped'
      if (await restart(containerId)) {
        await say('recovered', { attempt, sessionResumed: daemons.info(containerId)?.isResumed ?? false })
        await say('health', { status: 'healthy', reason: null })
        log.info({ containerId, attempt }, 'Claude daemon recovered')
        return 'recovered'
      }
    }
    return 'stopped'
  }

  const isDelayOver = () => setTimeout(delayMs, true, { signal: stopping.signal }).catch(() => false)

  async function restart(containerId: string): Promise<boolean> {
    try {
      await daemons.kill(containerId, 'recovery')
      await sessions.ready(containerId, stopping.signal)
      return true
    } catch (err) {
      if (!stopping.signal.aborted) log.warn({ err, containerId }, 'The agent did not come back')
      return false
    }
  }

  return {
    recover(containerId, reason) {
      if (stopping.signal.aborted) return Promise.resolve('stopped')
      const known = active.get(containerId)
      if (known !== undefined) return known
      const begun = attemptAll(containerId, reason)
        .catch((err: unknown): RecoveryEnd => {
          log.error({ err, containerId }, 'The recovery broke off')
          return 'stopped'
        })
        .then((end) => {
          onEnd(end)
          return end
        })
        .finally(() => active.delete(containerId))
      active.set(containerId, begun)
      return begun
    },
    isRecovering: (containerId) => active.has(containerId),
    async stop() {
      stopping.abort()
      await Promise.all(active.values())
    },
  }
}
