import type { Deadline } from '../deadline.ts'
import type { Component } from '../lifecycle.ts'

/** Something to tell the container's readers; types and data as in the journal. */
export interface DaemonEvent {
  type: string
  instructionId: string | null
  data: Record<string, unknown>
}

export interface Session {
  id: string
  /** A turn was sent to it once: it is resumed then. */
  isStarted: boolean
}

export interface Turn {
  /** Instruction id, a UUID. */
  id: string
  text: string
  mode: 'fresh' | 'continue' | 'restart'
}

export type TurnOutcome =
  | {
      kind: 'completed'
      isError: boolean
      /** `null` too when the agent refused a second run of a turn that it had finished before. */
      result: string | null
      error: { code: string; message: string } | null
      usage: Record<string, unknown> | null
      /** US dollars of this turn alone; `null` when unknown. */
      cost: number | null
    }
  /** Nothing of the turn runs any more; sent again, it runs again. */
  | { kind: 'interrupted' }
  | { kind: 'crashed' | 'hung'; isInsideTool: boolean }

export type DaemonState = 'starting' | 'ready' | 'busy' | 'stopping' | 'stopped' | 'failed'
export type StopReason = 'requested' | 'idle' | 'shutdown'
export type KillReason = 'hang' | 'recovery' | 'fenced'

export interface DaemonInfo {
  containerId: string
  state: DaemonState
  pid: number | null
  sessionId: string
  isResumed: boolean
  /** Epoch milliseconds. */
  startedAt: number | null
  /** Epoch milliseconds of the last line that was no answer to a ping, or of the turn's start. */
  lastOutputAt: number | null
  turnId: string | null
  openTools: number
  /** The sink of events is full: the agent waits for us, not we for it. */
  isReadingPaused: boolean
}

export interface DaemonError extends Error {
  name: 'DaemonError'
  code: 'start_failed' | 'session_lost' | 'stopping' | 'busy'
  /** The agent's last lines on stderr. */
  stderr: string[]
}

export function daemonError(
  code: DaemonError['code'],
  message: string,
  stderr: string[] = [],
  cause?: unknown,
) {
  const error = new Error(message, cause === undefined ? undefined : { cause })
  return Object.assign(error, { name: 'DaemonError' as const, code, stderr }) satisfies DaemonError
}

export const isDaemonError = (error: unknown): error is DaemonError =>
  error instanceof Error && error.name === 'DaemonError'

export interface Daemons extends Component {
  /** A ready daemon of this session: the running one, or a new one. Rejects with a DaemonError. */
  ensure(containerId: string, session: Session, signal?: AbortSignal): Promise<DaemonInfo>
  /** One turn at a time. Aborting `signal` interrupts it; nothing of it runs when the promise resolves. */
  run(containerId: string, turn: Turn, signal: AbortSignal): Promise<TurnOutcome>
  /** Also of a daemon that stopped or failed, until the next start. */
  info(containerId: string): DaemonInfo | undefined
  /** Those that have a process, or are about to have one. */
  list(): DaemonInfo[]
  ping(containerId: string, ms: number): Promise<boolean>
  /** Kills the whole tree at once and waits for its end. */
  kill(containerId: string, reason: KillReason): Promise<void>
  stopOne(containerId: string, reason: StopReason): Promise<void>
  /** Kills the agent that a dead owner left on this machine. */
  endLeftover(containerId: string): Promise<void>
  /** Ends all of them at once; nothing of any tree is left. */
  stop(deadline: Deadline): Promise<void>
  /** The last resort of a process that exits at once: every tree that is left, without waiting. */
  killAllNow(): void
  onExit(listener: (containerId: string, info: { wasRequested: boolean }) => void): void
}
