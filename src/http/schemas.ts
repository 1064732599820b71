import { type TSchema, Type } from 'typebox'
import { errorCodes } from '../errors.ts'

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const ContainerId = Type.String({
  pattern: '^(?!\\.{1,2}$)[A-Za-z0-9._-]{1,64}$',
  description: '1 to 64 letters, digits, dots, underscores or hyphens',
})
export const ContainerParams = Type.Object({ containerId: ContainerId })
export const InstructionParams = Type.Object({
  containerId: ContainerId,
  instructionId: Type.String({ format: 'uuid' }),
})

export const ResumePolicy = Type.Union(
  [Type.Literal('continue'), Type.Literal('restart'), Type.Literal('ask')],
  {
    description:
      'What happens to it after an interruption; by default `continue`, and `ask` after a crash inside a tool call',
  },
)
export const State = Type.Union([
  Type.Literal('queued'),
  Type.Literal('running'),
  Type.Literal('needs_decision'),
  Type.Literal('succeeded'),
  Type.Literal('failed'),
  Type.Literal('cancelled'),
])

export const Daemon = Type.Object({
  state: Type.String({ description: 'stopped, ready, failed or recovering' }),
  sessionId: nullable(Type.String()),
  pid: nullable(Type.Integer()),
  pod: nullable(Type.String()),
  health: nullable(Type.String()),
})
export const Container = Type.Object({
  id: ContainerId,
  createdAt: Type.String({ format: 'date-time' }),
  paused: Type.Boolean(),
  quarantined: Type.Boolean({ description: 'The recovery failed: `POST .../recovery/reset` lifts it' }),
  daemon: Daemon,
  headSeq: Type.Integer(),
})

export const Instruction = Type.Object({
  id: Type.String({ format: 'uuid' }),
  containerId: ContainerId,
  state: State,
  text: Type.String(),
  result: nullable(Type.String()),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  position: nullable(
    Type.Integer({ description: 'Unfinished instructions before it; null when it has ended' }),
  ),
  resumePolicy: nullable(ResumePolicy),
  sessionId: nullable(Type.String()),
  attempts: Type.Integer({ description: 'Hand-backs at a shutdown use none' }),
  interruptions: Type.Array(
    Type.Object({ cause: Type.String(), at: Type.String(), pod: nullable(Type.String()) }),
  ),
  usage: nullable(Type.Record(Type.String(), Type.Unknown())),
  cost: nullable(Type.Number({ description: 'US dollars' })),
  createdAt: Type.String({ format: 'date-time' }),
  startedAt: nullable(Type.String({ format: 'date-time' })),
  finishedAt: nullable(Type.String({ format: 'date-time' })),
  seq: Type.Integer(),
})

export const Event = Type.Object({
  v: Type.Literal(1),
  seq: Type.Integer(),
  epoch: Type.String(),
  containerId: nullable(Type.String()),
  type: Type.String(),
  instructionId: nullable(Type.String()),
  time: Type.String({ format: 'date-time' }),
  data: Type.Record(Type.String(), Type.Unknown()),
})

export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 500 })),
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
})
export const page = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), nextCursor: nullable(Type.String()) })

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    instance: Type.String(),
    code: Type.String({ enum: Object.keys(errorCodes) }),
    requestId: Type.String(),
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  },
  { description: 'RFC 9457 problem' },
)
const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
})
/** What every route may answer besides its own. */
export const problems = {
  '4xx': problem('Refused; `code` says why'),
  '5xx': problem('Not possible now; `Retry-After` says when to come back'),
}

const Status = (...words: [string, ...string[]]) => Type.Object({ status: Type.String({ enum: words }) })
export const Liveness = Status('ok')
export const Startup = Status('started', 'starting')
export const Readiness = Type.Object({
  status: Type.String({ enum: ['ready', 'unready', 'draining'] }),
  checks: Type.Record(
    Type.String(),
    Type.Object({ ok: Type.Boolean(), error: Type.Optional(Type.String()) }),
  ),
})
export const Version = Type.Object({ version: Type.String(), node: Type.String() })

export const PodList = Type.Object({
  items: Type.Array(
    Type.Object({
      pod: Type.String(),
      state: Type.String({ enum: ['running', 'draining', 'dead', 'stopped'] }),
      expiresInMs: Type.Union([Type.Number(), Type.Null()]),
      containers: Type.Array(Type.String()),
      report: Type.Unknown(),
      stoppedAt: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
})
