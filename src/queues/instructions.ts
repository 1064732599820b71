import { createHash, randomUUID } from 'node:crypto'
import { type ErrorCode, errorCodes, serviceError } from '../errors.ts'
import type { ResumePolicy } from '../history/views.ts'
import type { Reply, RunScript } from '../journal/scripts.ts'

export interface Submission {
  containerId: string
  text: string
  /** `null`: `continue` after a drain or a crash, `ask` after a crash inside a tool call. */
  resumePolicy: ResumePolicy | null
  retryOf?: string | undefined
  /** A second submission with the same key is answered as the first was, for 24 hours. */
  idempotencyKey?: string | undefined
}

export interface Edit {
  text?: string | undefined
  resumePolicy?: ResumePolicy | undefined
  /** Behind so many unfinished ones; the nearest that is possible. */
  position?: number | undefined
}

const sha256 = (value: string) => createHash('sha256').update(value).digest('base64url')

/** What any pod may do to instructions: every change is one script, so a race has one winner. */
export function createInstructions(deps: {
  run: RunScript
  podId: string
  queueLimit: number
  onAccepted(containerId: string): void
}) {
  const { run, podId, queueLimit, onAccepted } = deps
  const ask = createAsk(run)

  return {
    async submit({ containerId, text, resumePolicy, retryOf, idempotencyKey }: Submission) {
      const key = idempotencyKey === undefined ? '' : sha256(idempotencyKey)
      const body = key === '' ? '' : sha256(JSON.stringify([text, resumePolicy, retryOf ?? null]))
      const data = {
        text,
        resumePolicy,
        acceptedBy: podId,
        ...(retryOf === undefined ? {} : { retryOf }),
        ...(key === '' ? {} : { idempotency: { key, body } }),
      }
      const reply = await ask(
        'accept',
        containerId,
        randomUUID(),
        text,
        resumePolicy ?? '',
        queueLimit,
        JSON.stringify(data),
        key,
        body,
      )
      onAccepted(containerId)
      const [outcome, seq, position, id] = reply
      const answer = {
        id: String(id),
        state: 'queued' as const,
        position: Number(position),
        seq: Number(seq),
      }
      return { answer, isReplayed: outcome === 'replayed' }
    },
    async edit(containerId: string, id: string, { text, resumePolicy, position }: Edit) {
      const changed = JSON.stringify({ text, resumePolicy })
      const data = changed === '{}' ? '' : changed
      const [, seq] = await ask('edit', containerId, id, text ?? '', resumePolicy ?? '', data, position ?? '')
      return { seq: Number(seq) }
    },
    /** `running`: the owner was asked; the instruction's own event tells the end. */
    async cancel(containerId: string, id: string) {
      const [outcome, seq] = await ask('cancel', containerId, id, '0', podId)
      return {
        state: outcome === 'cancelled' ? ('cancelled' as const) : ('running' as const),
        seq: Number(seq),
      }
    },
    async cancelQueued(containerId: string, id: string) {
      const [, seq] = await ask('cancel', containerId, id, '1', podId)
      return { seq: Number(seq) }
    },
    async clear(containerId: string) {
      const [, cancelled] = await ask('clear', containerId, podId)
      return { cancelled: (cancelled as Reply[]).map(String) }
    },
    async decide(containerId: string, id: string, resumePolicy: 'continue' | 'restart') {
      const [, seq] = await ask('decide', containerId, id, resumePolicy)
      return { seq: Number(seq) }
    },
  }
}

/** Runs a script for a client: a refusal and an absent Redis both become an error with a code. */
export function createAsk(run: RunScript): RunScript {
  return async (name, ...args) => {
    const reply = await run(name, ...args).catch((cause: unknown) => {
      throw serviceError('redis_unavailable', undefined, cause)
    })
    const outcome = String(reply[0])
    if (outcome === 'gone') throw serviceError('instruction_not_found')
    if (outcome in errorCodes) throw serviceError(outcome as ErrorCode)
    return reply
  }
}

export type Instructions = ReturnType<typeof createInstructions>
