import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { ContainerId } from '../schemas.ts'

const Subscribe = Type.Object({
  op: Type.Literal('subscribe'),
  containerId: ContainerId,
  /** The last event the client has; without it, from now on. */
  afterSeq: Type.Optional(Type.Integer({ minimum: 0 })),
  epoch: Type.Optional(Type.String({ maxLength: 64 })),
  /** Also what the agent is just saying, piece by piece; ephemeral. */
  deltas: Type.Optional(Type.Boolean()),
})
const Unsubscribe = Type.Object({ op: Type.Literal('unsubscribe'), containerId: ContainerId })
const Auth = Type.Object({
  op: Type.Literal('auth'),
  token: Type.String({ minLength: 1, maxLength: 16_384 }),
})
const Ping = Type.Object({ op: Type.Literal('ping') })

const frame = Compile(Type.Union([Auth, Subscribe, Unsubscribe, Ping]))

export type ClientFrame =
  | Static<typeof Auth>
  | Static<typeof Subscribe>
  | Static<typeof Unsubscribe>
  | Static<typeof Ping>

/** What a client sent, or why it cannot be understood. */
export function parseFrame(data: string): { frame: ClientFrame } | { code: string; message: string } {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return { code: 'invalid_json', message: 'The frame is not valid JSON' }
  }
  if (frame.Check(value)) return { frame: value }
  return {
    code: 'validation_failed',
    message: 'Expected {"op":"auth"|"subscribe"|"unsubscribe"|"ping", ...} as documented',
  }
}
