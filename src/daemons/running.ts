import type { Agent, AgentEnd } from './agent.ts'
import type { SessionRecord } from './session-record.ts'
import { stopAgent } from './stop-ladder.ts'
import { type EndReason, openTurn, type OpenTurn } from './turn.ts'
import { daemonError, type Turn, type TurnOutcome } from './types.ts'

/** One agent process from its start to its end: its turns, and why it ends. */
export function createRunning(deps: {
  agent: Agent
  record: SessionRecord
  /** Called once, when nothing of the tree is left; `reason` is `null` when nobody asked for it. */
  onEnd(end: AgentEnd, reason: EndReason | null): void
  /** No turn runs any more. */
  onIdle(): void
}) {
  const { agent, record, onEnd, onIdle } = deps
  const finished = new Set<string>()
  let turn: OpenTurn | undefined
  let reason: EndReason | null = null
  let hasExited = false

  async function untilExited() {
    await agent.channel.exited
    hasExited = true
  }

  async function follow(): Promise<AgentEnd> {
    const end = await agent.ended
    // First what is known of the daemon, then the turn: who hears of it sees the daemon as it is.
    try {
      onEnd(end, reason)
    } finally {
      turn?.lose(reason, end.isInsideTool)
    }
    return end
  }

  untilExited().catch(() => {})
  const ended = follow()
  ended.catch(() => {})

  async function untilEnded(work: Promise<unknown>) {
    await work
    const { survivors } = await ended
    if (survivors.length > 0)
      throw new Error(`processes of the agent cannot be ended: ${survivors.join(', ')}`)
  }

  return {
    agent,
    turn: () => turn,
    isEnding: () => hasExited || reason !== null,
    ended,
    async run(given: Turn, signal: AbortSignal): Promise<TurnOutcome> {
      if (turn !== undefined) throw daemonError('busy', 'a turn is running already')
      if (reason !== null || signal.aborted) return { kind: 'interrupted' }
      // The agent would ignore it without a word.
      if (finished.has(given.id)) return finishedBefore
      const open = openTurn({
        agent,
        turn: given,
        record,
        kill: () => void this.kill('interrupt').catch(() => {}),
      })
      // A fenced one is killed as in a crash: told to stop, the agent would run again what it may just have finished.
      const onAbort = () =>
        signal.reason === 'fenced' ? void this.kill('fenced').catch(() => {}) : open.interrupt()
      turn = open
      signal.addEventListener('abort', onAbort)
      try {
        const outcome = await open.outcome
        if (outcome.kind === 'completed') finished.add(given.id)
        return outcome
      } finally {
        signal.removeEventListener('abort', onAbort)
        turn = undefined
        onIdle()
      }
    },
    /** As gently as `ms` allows. */
    stop(why: EndReason, ms: number): Promise<void> {
      if (reason !== null) return untilEnded(Promise.resolve())
      reason = why
      turn?.interrupt(ms)
      return untilEnded(stopAgent(agent, ms))
    },
    kill(why: EndReason): Promise<void> {
      reason ??= why
      return untilEnded(agent.channel.killTree())
    },
  }
}

export type Running = ReturnType<typeof createRunning>

const finishedBefore: TurnOutcome = {
  kind: 'completed',
  isError: false,
  result: null,
  error: null,
  usage: null,
  cost: null,
}
