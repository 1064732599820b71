import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface Stored {
  sessionId: string
  /** Whether a turn was ever sent: the agent keeps a session only from its first turn on. */
  hasTurn: boolean
  /** US dollars as last reported, as the agent's own sum goes on over a resume; `null` when not known. */
  totalCost: number | null
  /** How often each unfinished turn was interrupted. */
  interrupts: Record<string, number>
}

/**
 * What is to be known of a session before it is resumed, kept in its workspace. An agent runs no message uuid twice
 * that it finished, and none that it was told to stop: so a turn keeps its uuid over crashes (no second run of what
 * had finished) and gets a fresh one after each interruption. The interruption is stored before it is asked for.
 */
export function openSessionRecord(workspace: string, sessionId: string) {
  const dir = join(workspace, '.baton')
  const path = join(dir, 'session.json')
  const found = read(path)
  const isKnown = found?.sessionId === sessionId
  const stored: Stored = isKnown ? found : { sessionId, hasTurn: false, totalCost: 0, interrupts: {} }

  function save() {
    mkdirSync(dir, { recursive: true })
    writeFileSync(`${path}.new`, JSON.stringify(stored))
    renameSync(`${path}.new`, path)
  }

  return {
    /** The session was started here and never sent a turn: there is nothing to resume. */
    isEmpty: () => isKnown && !stored.hasTurn,
    hasTurn: () => stored.hasTurn,
    totalCost: () => stored.totalCost,
    messageId: (turnId: string) => messageIdOf(turnId, stored.interrupts[turnId] ?? 0),
    /** The agent has the session open. One that is resumed and not known here had its turns elsewhere. */
    open(isResumed: boolean) {
      if (isResumed && !isKnown) stored.totalCost = null
      stored.hasTurn = isResumed
      save()
    },
    begin() {
      if (stored.hasTurn) return
      stored.hasTurn = true
      save()
    },
    interrupt(turnId: string) {
      stored.interrupts[turnId] = (stored.interrupts[turnId] ?? 0) + 1
      save()
    },
    end(turnId: string, totalCost: number | null) {
      delete stored.interrupts[turnId]
      stored.totalCost = totalCost
      save()
    },
  }
}

export type SessionRecord = ReturnType<typeof openSessionRecord>

/** The instruction id itself, and after each interruption another UUID that follows from it. */
export function messageIdOf(turnId: string, interrupts: number): string {
  if (interrupts === 0) return turnId
  const hex = createHash('sha256').update(`${turnId}:${interrupts}`).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function read(path: string): Stored | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stored
  } catch {
    return undefined
  }
}
