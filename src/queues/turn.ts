import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Daemons, TurnOutcome } from '../daemons/types.ts'
import type { Recovery } from '../health/recovery.ts'
import type { Appender } from '../journal/appender.ts'
import type { RunScript } from '../journal/scripts.ts'
import type { Sessions } from './sessions.ts'

/** Why a running instruction is taken off its agent. */
export type AbortReason = 'drain' | 'cancel' | 'stop' | 'restart' | 'fenced'
/** How a job leaves the worker: for good, back to the head of its queue, or with nothing to do. */
export type JobEnd = 'finished' | 'handed_back' | 'blocked' | 'dropped' | 'out_of_order'

export interface Turns {
  /** `onRun` tells the run's id as soon as the journal says that the instruction is running. */
  execute(job: { containerId: string; id: string; generation: number }, control: TurnControl): Promise<JobEnd>
  /** Puts a running instruction back from outside, when its agent answers nothing any more. */
  interrupt(containerId: string, generation: number, id: string, run: string, cause: Cause): Promise<string>
}

export interface TurnControl {
  /** Replaced after a restart, so that the same instruction can be interrupted again. */
  abort: AbortController
  run: string | null
}

export type Cause = 'drain' | 'crash' | 'hang'

/** Crashes of one instruction, on whatever pods, before it fails. */
const crashLimit = 3
const retryMs = 200

export function createTurns(deps: {
  run: RunScript
  podId: string
  daemons: Daemons
  sessions: Sessions
  recovery: Recovery
  appender: Appender
  log: Logger
}): Turns {
  const { run, podId, daemons, sessions, recovery, appender, log } = deps

  /** What has happened must be written: out of memory and read-only pass. Steps are safe to repeat. */
  async function insist(name: 'interrupt' | 'finish', ...args: (string | number)[]) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return String((await run(name, ...args))[0])
      } catch (err) {
        if (attempt === 1)
          log.error({ err, step: name }, 'The end of a turn could not be written, trying again')
        await setTimeout(retryMs)
      }
    }
  }

  const interrupt = (containerId: string, generation: number, id: string, runId: string, cause: Cause) =>
    insist('interrupt', containerId, podId, generation, id, runId, cause, crashLimit)

  /** A ready daemon, recovered when it does not start; `undefined` when the job has to leave. */
  async function readyDaemon(containerId: string, signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        return await sessions.ready(containerId, signal)
      } catch (cause) {
        if (signal.aborted) return undefined
        log.warn({ err: cause, containerId }, 'The agent did not start')
        if ((await recovery.recover(containerId, 'exited')) !== 'recovered') return undefined
      }
    }
    return undefined
  }

  async function execute(job: { containerId: string; id: string; generation: number }, control: TurnControl) {
    const { containerId, id, generation } = job
    for (;;) {
      const daemon = await readyDaemon(containerId, control.abort.signal)
      if (daemon === undefined) return leaveBefore(control)
      const runId = randomUUID()
      const isResumed = daemon.isResumed ? 1 : 0
      const [state, text, mode] = await run(
        'start',
        containerId,
        podId,
        generation,
        id,
        runId,
        daemon.sessionId,
        isResumed,
      )
      if (state !== 'running') return refused(String(state))
      control.run = runId
      await sessions.begun(containerId, daemon.sessionId)
      const turn = {
        id,
        text: String(text),
        mode: mode === null ? 'fresh' : (mode as 'continue' | 'restart'),
      } as const
      const outcome = await daemons.run(containerId, turn, control.abort.signal)
      await appender.flush()
      const end = await conclude(job, control, runId, outcome)
      control.run = null
      if (end !== 'again') return end
    }
  }

  async function conclude(
    { containerId, id, generation }: { containerId: string; id: string; generation: number },
    control: TurnControl,
    runId: string,
    outcome: TurnOutcome,
  ): Promise<JobEnd | 'again'> {
    const reason = control.abort.signal.aborted ? (control.abort.signal.reason as AbortReason) : null
    const finish = async (type: string, data: object) => {
      const ended = await insist(
        'finish',
        containerId,
        podId,
        generation,
        id,
        runId,
        type,
        JSON.stringify({ ...data, pod: podId }),
      )
      return ended === 'fenced' ? ('dropped' as const) : ('finished' as const)
    }
    if (reason === 'fenced') return 'dropped'
    if (outcome.kind === 'completed') {
      const { result, usage, cost, error } = outcome
      if (outcome.isError) return finish('instruction.failed', { error, usage, cost })
      return finish('instruction.succeeded', { result, usage, cost })
    }
    if (reason === 'cancel') return finish('instruction.cancelled', {})

    const cause = reason !== null ? 'drain' : outcome.kind === 'hung' ? 'hang' : 'crash'
    const next = await interrupt(containerId, generation, id, runId, cause)
    if (reason === 'drain') return 'handed_back'
    if (reason === 'stop' || reason === 'restart') {
      await daemons.stopOne(containerId, 'requested')
      if (reason === 'stop') return 'blocked'
      control.abort = new AbortController()
      return 'again'
    }
    const recovered = await recovery.recover(containerId, cause === 'hang' ? 'stalled' : 'exited')
    if (next === 'failed' || next === 'cancelled') return 'finished'
    if (next === 'fenced' || next === 'stale') return 'dropped'
    if (recovered === 'stopped') return 'handed_back'
    return recovered === 'recovered' && next === 'queued' ? 'again' : 'blocked'
  }

  return { execute, interrupt }
}

function leaveBefore(control: TurnControl): JobEnd {
  const { aborted, reason } = control.abort.signal
  if (!aborted || reason === 'stop') return 'blocked'
  return reason === 'fenced' ? 'dropped' : 'handed_back'
}

function refused(state: string): JobEnd {
  if (state === 'blocked') return 'blocked'
  return state === 'out_of_order' ? 'out_of_order' : 'dropped'
}
