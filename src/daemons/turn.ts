import { randomUUID } from 'node:crypto'
import type { Agent } from './agent.ts'
import type { SessionRecord } from './session-record.ts'
import { type AgentSignal, controlRequest, userMessage } from './stream-json.ts'
import type { KillReason, StopReason, Turn, TurnOutcome } from './types.ts'

/** An agent that was interrupted ends its turn within this time, or is killed. */
const interruptMs = 2000
/** `completed` without a result after this long: the agent had finished this turn in an earlier process. */
const resultMs = 500
const continueSentence =
  'You were interrupted in the middle of this instruction. Continue where you left off.'

/** Why a process is ended by us; `interrupt`: its turn did not stop when told to. */
export type EndReason = KillReason | StopReason | 'interrupt'

export interface OpenTurn {
  id: string
  outcome: Promise<TurnOutcome>
  receive(signal: AgentSignal): void
  /** What does not stop within `ms` must not go on unseen: its process is killed. */
  interrupt(ms?: number): void
  /** The process is gone; `reason` is `null` when nobody asked for it. */
  lose(reason: EndReason | null, isInsideTool: boolean): void
}

/** Sends a turn and follows it to its end. */
export function openTurn(deps: {
  agent: Agent
  turn: Turn
  record: SessionRecord
  kill: () => void
}): OpenTurn {
  const { agent, turn, record, kill } = deps
  const messageId = record.messageId(turn.id)
  const { promise, resolve } = Promise.withResolvers<TurnOutcome>()
  let wasInterrupted = false
  let hasCompleted = false
  let isSettled = false
  let timer: NodeJS.Timeout | undefined

  function settle(outcome: TurnOutcome) {
    isSettled = true
    clearTimeout(timer)
    resolve(outcome)
  }

  /** The agent will refuse this message from now on, also when it was stopped by somebody else. */
  function stopped() {
    if (!wasInterrupted && !isSettled) record.interrupt(turn.id)
    settle({ kind: 'interrupted' })
  }

  function conclude(result: Extract<AgentSignal, { type: 'result' }>) {
    if (result.messageId !== null && result.messageId !== messageId) return
    const { isError, error, usage, totalCost } = result
    if (isError && (wasInterrupted || result.wasAborted)) return stopped()
    const cost = costSince(totalCost, record)
    record.end(turn.id, totalCost ?? record.totalCost())
    settle({ kind: 'completed', isError, result: result.result, error, usage, cost })
  }

  function follow(state: string) {
    if (state === 'cancelled' || state === 'discarded') return stopped()
    if (state !== 'completed') return
    hasCompleted = true
    clearTimeout(timer)
    timer = setTimeout(() => {
      record.end(turn.id, record.totalCost())
      settle({ kind: 'completed', isError: false, result: null, error: null, usage: null, cost: null })
    }, resultMs)
  }

  // A session without history has nothing to continue.
  const isContinued = turn.mode === 'continue' && record.hasTurn()
  record.begin()
  agent.touch()
  agent.send(userMessage(messageId, turn.id, isContinued ? `${continueSentence}\n\n${turn.text}` : turn.text))

  return {
    id: turn.id,
    outcome: promise,
    receive(signal) {
      if (isSettled) return
      if (signal.type === 'result') conclude(signal)
      else if (signal.type === 'lifecycle' && signal.messageId === messageId) follow(signal.state)
    },
    interrupt(ms = interruptMs) {
      if (wasInterrupted || hasCompleted || isSettled) return
      wasInterrupted = true
      record.interrupt(turn.id)
      timer = setTimeout(kill, ms)
      agent.send(controlRequest(randomUUID(), 'interrupt'))
    },
    lose(reason, isInsideTool) {
      if (reason === 'hang' || reason === 'recovery') settle({ kind: 'hung', isInsideTool })
      else if (reason !== null || wasInterrupted) settle({ kind: 'interrupted' })
      else settle({ kind: 'crashed', isInsideTool })
    },
  }
}

/** The agent's sum goes on over a resume; one that is lower than before has started anew. */
function costSince(total: number | null, record: SessionRecord): number | null {
  const before = record.totalCost()
  if (total === null || before === null) return null
  return total >= before ? total - before : total
}
