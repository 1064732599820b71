import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Fact {
  time: string
  /** Instruction id: stays the same however often the instruction is sent. */
  turn: string
  /** Uuid of the message: one that finished or was interrupted is never run again. */
  message: string
  event: 'started' | 'resumed' | 'finished' | 'interrupted'
  /** Where an interrupted turn stood: index of the directive and, in a sleep, what was left of it. */
  step?: number
  leftMs?: number
}

/** The session's memory and the independent ledger of what ran: one line per fact, written before the agent goes on. */
export function openTranscript(cwd: string, sessionId: string) {
  const dir = join(cwd, '.demo-agent')
  const path = join(dir, `${sessionId}.jsonl`)
  const exists = existsSync(path)
  const facts: Fact[] = exists ? read(path) : []
  const of = (turn: string) => facts.filter((fact) => fact.turn === turn)

  return {
    exists,
    append(fact: Omit<Fact, 'time'>) {
      const line = { time: new Date().toISOString(), ...fact }
      mkdirSync(dir, { recursive: true })
      appendFileSync(path, `${JSON.stringify(line)}\n`)
      facts.push(line)
    },
    hasEnded: (message: string) =>
      facts.some(
        ({ message: m, event }) => m === message && (event === 'finished' || event === 'interrupted'),
      ),
    hasStarted: (turn: string) => of(turn).length > 0,
    /** Where to go on, when the last thing that happened to the turn was an interruption. */
    interruption(turn: string): Fact | undefined {
      const last = of(turn).at(-1)
      return last?.event === 'interrupted' ? last : undefined
    },
    turnCount: () => new Set(facts.map((fact) => fact.turn)).size,
    finishedCount: () => facts.filter((fact) => fact.event === 'finished').length,
  }
}

export type Transcript = ReturnType<typeof openTranscript>

/** A line that was cut off by a power loss is left out. */
function read(path: string): Fact[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Fact]
      } catch {
        return []
      }
    })
}
