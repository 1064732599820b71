import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { serviceError } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import type { Reading } from '../reading.ts'
import {
  ContainerParams,
  Instruction,
  InstructionParams,
  PageQuery,
  ResumePolicy,
  State,
  page,
  problems,
} from '../schemas.ts'

const tags = ['instructions']
const cancelWaitMs = 10_000

const Accepted = Type.Object({
  id: Type.String({ format: 'uuid' }),
  state: Type.Literal('queued'),
  position: Type.Integer({ description: 'Unfinished instructions before it' }),
  seq: Type.Integer(),
})
const Submission = Type.Object(
  { text: Type.String({ minLength: 1 }), resumePolicy: Type.Optional(ResumePolicy) },
  { additionalProperties: false },
)
const IdempotencyKey = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Kept for 24 hours: the same body is answered as the first time, another one with 422',
    }),
  ),
})
const Edit = Type.Object(
  {
    text: Type.Optional(Type.String({ minLength: 1 })),
    resumePolicy: Type.Optional(ResumePolicy),
    position: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Behind so many; what has begun keeps the first place' }),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
)
const Retry = Type.Union([
  Type.Object({ resumePolicy: Type.Optional(ResumePolicy) }, { additionalProperties: false }),
  Type.Null(),
])

export const instructionRoutes =
  ({ config, history, instructions }: HttpDeps, reading: Reading): FastifyPluginAsyncTypebox =>
  async (app) => {
    const path = '/v1/containers/:containerId/instructions'

    app.post(
      path,
      {
        schema: {
          tags,
          summary: 'Submit an instruction to the end of the queue',
          params: ContainerParams,
          headers: IdempotencyKey,
          body: Submission,
          response: { 202: Accepted, ...problems },
        },
      },
      async ({ params: { containerId }, headers, body: { text, resumePolicy } }, reply) => {
        assertSize(text)
        const submitted = await instructions.submit({
          containerId,
          text,
          resumePolicy: resumePolicy ?? null,
          idempotencyKey: headers['idempotency-key'],
        })
        return accept(reply, containerId, submitted)
      },
    )
    app.get(
      path,
      {
        schema: {
          tags,
          summary: 'List instructions, newest first',
          params: ContainerParams,
          querystring: Type.Intersect([PageQuery, Type.Object({ state: Type.Optional(State) })]),
          response: { 200: page(Instruction), ...problems },
        },
      },
      async ({ params: { containerId }, query }) => {
        await reading.container(containerId)
        return history.instructions(containerId, query)
      },
    )
    app.get(
      `${path}/:instructionId`,
      {
        schema: {
          tags,
          summary: 'Read an instruction',
          params: InstructionParams,
          response: { 200: Instruction, ...problems },
        },
      },
      ({ params: { containerId, instructionId } }) => reading.instruction(containerId, instructionId),
    )
    app.patch(
      `${path}/:instructionId`,
      {
        schema: {
          tags,
          summary: 'Change the text, the policy or the place of an instruction that has not begun; else 409',
          params: InstructionParams,
          body: Edit,
          response: { 200: Instruction, ...problems },
        },
      },
      async ({ params: { containerId, instructionId }, body }) => {
        assertSize(body.text ?? '')
        const { seq } = await unlessEnded(containerId, instructionId, (container, id) =>
          instructions.edit(container, id, body),
        )
        await reading.projected(containerId, seq)
        return reading.instruction(containerId, instructionId)
      },
    )
    app.delete(
      `${path}/:instructionId`,
      {
        schema: {
          tags,
          summary: 'Cancel an instruction while it is queued; 409 once it runs or has ended',
          params: InstructionParams,
          response: { 200: Instruction, ...problems },
        },
      },
      async ({ params: { containerId, instructionId } }) => {
        const { seq } = await unlessEnded(containerId, instructionId, instructions.cancelQueued)
        await reading.projected(containerId, seq)
        return reading.instruction(containerId, instructionId)
      },
    )
    app.post(
      `${path}/:instructionId/cancel`,
      {
        schema: {
          tags,
          summary: 'Cancel an instruction, running or not; 202 while its agent is still being interrupted',
          params: InstructionParams,
          response: { 200: Instruction, 202: Instruction, ...problems },
        },
      },
      async ({ params: { containerId, instructionId } }, reply) => {
        const { seq } = await unlessEnded(containerId, instructionId, instructions.cancel)
        await reading.projected(containerId, seq)
        const isEnded = async () =>
          (await reading.instruction(containerId, instructionId)).finishedAt !== null
        if (!(await isEnded())) {
          const ofIt = (event: { instructionId: string | null; type: string }) =>
            event.instructionId === instructionId && /\.(cancelled|succeeded|failed)$/.test(event.type)
          await reading.outcome(containerId, seq, ofIt, cancelWaitMs)
        }
        return reply
          .code((await isEnded()) ? 200 : 202)
          .send(await reading.instruction(containerId, instructionId))
      },
    )
    app.post(
      `${path}/:instructionId/retry`,
      {
        schema: {
          tags,
          summary: 'Submit an ended instruction again, or decide how one that needs a decision goes on',
          params: InstructionParams,
          headers: IdempotencyKey,
          body: Retry,
          response: { 200: Instruction, 202: Accepted, ...problems },
        },
      },
      async ({ params: { containerId, instructionId }, headers, body }, reply) => {
        const policy = body?.resumePolicy ?? null
        const { state, text, resumePolicy } = await reading.instruction(containerId, instructionId)
        if (state === 'needs_decision') {
          if (policy === 'ask') throw serviceError('validation_failed', 'Decide for `continue` or `restart`')
          const { seq } = await instructions.decide(
            containerId,
            instructionId,
            policy === 'restart' ? 'restart' : 'continue',
          )
          await reading.projected(containerId, seq)
          return reply.code(200).send(await reading.instruction(containerId, instructionId))
        }
        if (state === 'queued' || state === 'running') throw serviceError('instruction_not_ended')
        const submitted = await instructions.submit({
          containerId,
          text,
          resumePolicy: policy ?? resumePolicy,
          retryOf: instructionId,
          idempotencyKey: headers['idempotency-key'],
        })
        return accept(reply, containerId, submitted)
      },
    )

    function assertSize(text: string) {
      if (Buffer.byteLength(text) > config.MAX_INSTRUCTION_BYTES) {
        throw serviceError(
          'instruction_too_large',
          `The text has more than ${config.MAX_INSTRUCTION_BYTES} bytes`,
        )
      }
    }

    function accept(
      reply: FastifyReply,
      containerId: string,
      { answer, isReplayed }: Awaited<ReturnType<typeof instructions.submit>>,
    ) {
      if (isReplayed) reply.header('idempotent-replayed', 'true')
      return reply
        .code(202)
        .header('location', `/v1/containers/${containerId}/instructions/${answer.id}`)
        .send(answer)
    }

    /** Redis knows only unfinished ones: the history tells the ended from the unknown. */
    async function unlessEnded(
      containerId: string,
      id: string,
      change: (containerId: string, id: string) => Promise<{ seq: number }>,
    ) {
      try {
        return await change(containerId, id)
      } catch (error) {
        if ((error as { code?: string }).code !== 'instruction_not_found') throw error
        const { state } = await reading.instruction(containerId, id)
        throw serviceError('instruction_ended', `The instruction is ${state}`, error)
      }
    }
  }
