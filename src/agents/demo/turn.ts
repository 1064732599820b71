import { type Directive, parseDirectives } from './directives.ts'
import type { Output } from './output.ts'
import { perform } from './perform.ts'
import type { Transcript } from './transcript.ts'

export interface Message {
  uuid: string
  /** Instruction id; the message's own uuid for a client that does not send one. */
  turn: string
  text: string
}

/** With this opening, a turn goes on where its interruption left it; without it, it runs from its start. */
const continued = /^You were interrupted[^\n]*\n\n/

/** Runs one turn: ledger first, then the work, then the ledger, then the result. */
export async function runTurn(
  message: Message,
  deps: { output: Output; transcript: Transcript; signal: AbortSignal; ignoreSignals(): void },
): Promise<void> {
  const { output, transcript, signal } = deps
  const { uuid, turn } = message
  const text = message.text.replace(continued, '')
  const from = text === message.text ? undefined : transcript.interruption(turn)
  const isFirstRun = !transcript.hasStarted(turn)
  output.lifecycle(uuid, 'started')
  transcript.append({ turn, message: uuid, event: isFirstRun ? 'started' : 'resumed' })
  output.init()

  const directives = parseDirectives(text)
  const stage = { ...output, signal, isFirstRun, ignoreSignals: deps.ignoreSignals }
  for (const [step, given] of directives.entries()) {
    if (from?.step !== undefined && step < from.step) continue
    const directive = from?.step === step ? shortened(given, from.leftMs) : given
    const begun = performance.now()
    try {
      await perform(directive, stage)
      if (directive.do === 'fail') {
        transcript.append({ turn, message: uuid, event: 'finished' })
        return output.failed(uuid, 'The instruction asked to fail')
      }
    } catch {
      const leftMs = 'ms' in directive ? Math.max(0, directive.ms - (performance.now() - begun)) : 0
      transcript.append({ turn, message: uuid, event: 'interrupted', step, leftMs: Math.round(leftMs) })
      return output.interrupted(uuid)
    }
  }
  const reply = `Turn ${transcript.turnCount()}${from ? ' (continued)' : ''}: ${text}`
  transcript.append({ turn, message: uuid, event: 'finished' })
  output.say(reply)
  output.succeeded(uuid, reply)
}

const shortened = (directive: Directive, leftMs: number | undefined): Directive =>
  'ms' in directive && leftMs !== undefined ? { ...directive, ms: leftMs } : directive
