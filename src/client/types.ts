import type { JournalEvent } from '../journal/event.ts'

export type BatonEvent = JournalEvent

/** Events that this client cannot have any more: `from` to `to`, or all of an earlier epoch. */
export interface Gap {
  type: 'replay.gap'
  containerId: string
  from: number
  to: number
  /** The event that comes next has this seq. */
  oldestSeq: number
  epoch: string | null
}

/** A piece of what the agent is just saying; only when asked for, never stored, and not repeated after a reconnect. */
export interface Delta {
  type: 'agent.delta'
  containerId: string
  instructionId: string | null
  data: { kind: 'text' | 'thinking'; text: string }
}

/** `type` tells them apart. */
export type EventItem = BatonEvent | Gap | Delta

export interface Cursor {
  containerId: string
  /** The last event that is known; without it, from now on. 0: from the beginning. */
  afterSeq?: number | undefined
  /** Of the event that `afterSeq` comes from. */
  epoch?: string | undefined
}

/** What happens to the connection under the iterator; nothing has to be done about it. */
export type ConnectionState =
  | { kind: 'connected'; url: string }
  | { kind: 'draining'; url: string; deadline: string }
  | { kind: 'reconnecting'; url: string; code: number; reason: string; delayMs: number }

export interface EventsOptions extends Partial<Cursor> {
  /** Instead of `containerId`: several containers, each with its own cursor. */
  containers?: readonly (string | Cursor)[]
  /** Also yields what the agent is just saying, piece by piece. */
  deltas?: boolean
  /** Ends the iteration quietly. */
  signal?: AbortSignal
  onState?(state: ConnectionState): void
}

export type Token = string | (() => string | Promise<string>)

export interface ClientOptions {
  /** `http://host:port` of the service, or of several of its pods. */
  url: string | readonly string[]
  /** A bearer token, or what gives a fresh one for every request and every socket. */
  token?: Token
  /** How long a request is tried again while no pod takes it. */
  retryMs?: number
  /** A socket that is silent for twice this time is taken for dead. */
  heartbeatMs?: number
}

/** An answer that trying again does not change. */
export class BatonError extends Error {
  readonly code: string
  readonly status: number | undefined

  constructor(code: string, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'BatonError'
    this.code = code
    this.status = options.status
  }
}
