import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { serviceError } from '../../errors.ts'
import type { JournalEvent } from '../../journal/event.ts'
import type { HttpDeps } from '../deps.ts'
import type { Reading } from '../reading.ts'
import { Container, ContainerParams, Daemon, Instruction, problems } from '../schemas.ts'

const ownerMs = 15_000

const Queue = Type.Object({
  paused: Type.Boolean(),
  quarantined: Type.Boolean(),
  running: Type.Union([Instruction, Type.Null()]),
  items: Type.Array(Instruction, { description: 'Those that wait, in order' }),
  oldestQueuedAt: Type.Union([Type.String(), Type.Null()]),
})

const endOf = {
  start: ['daemon.started', 'daemon.start_failed'],
  restart: ['daemon.started', 'daemon.start_failed'],
  stop: ['daemon.stopped'],
} as const

/** Switches and requests for a container: its session, its queue, its recovery. */
export const controlRoutes =
  ({ history, control, instructions }: HttpDeps, reading: Reading): FastifyPluginAsyncTypebox =>
  async (app) => {
    const path = '/v1/containers/:containerId'

    for (const operation of ['start', 'stop', 'restart'] as const) {
      app.post(
        `${path}/${operation}`,
        {
          schema: {
            tags: ['daemon'],
            summary: `${operation} the agent session; 202 while its owner is still at it`,
            params: ContainerParams,
            response: { 200: Container, 202: Container, ...problems },
          },
        },
        async ({ params: { containerId } }, reply) => {
          const { daemon } = await reading.container(containerId)
          const isSo =
            operation === 'start'
              ? daemon.state === 'ready'
              : operation === 'stop' && daemon.state === 'stopped'
          const types: readonly string[] = endOf[operation]
          const { seq } = await control.request(containerId, operation)
          await reading.projected(containerId, seq)
          const event = isSo
            ? undefined
            : await reading.outcome(containerId, seq, ({ type }) => types.includes(type), ownerMs)
          if (event?.type === 'daemon.start_failed')
            throw serviceError('daemon_start_failed', failureOf(event))
          return reply
            .code(isSo || event !== undefined ? 200 : 202)
            .send(await reading.container(containerId))
        },
      )
    }
    app.get(
      `${path}/daemon`,
      {
        schema: {
          tags: ['daemon'],
          summary: 'The agent session',
          params: ContainerParams,
          response: { 200: Daemon, ...problems },
        },
      },
      async ({ params }) => (await reading.container(params.containerId)).daemon,
    )
    for (const operation of ['pause', 'resume'] as const) {
      app.post(
        `${path}/queue/${operation}`,
        {
          schema: {
            tags: ['queue'],
            summary: `${operation} the queue; what runs goes on`,
            params: ContainerParams,
            response: { 200: Container, ...problems },
          },
        },
        async ({ params: { containerId } }) => {
          const { seq } = await control.request(containerId, operation)
          await reading.projected(containerId, seq)
          return reading.container(containerId)
        },
      )
    }
    app.post(
      `${path}/interrupt`,
      {
        schema: {
          tags: ['queue'],
          summary: 'Cancel what runs and keep the queue; 409 when nothing runs',
          params: ContainerParams,
          response: { 202: Type.Object({ stillQueued: Type.Array(Type.String()) }), ...problems },
        },
      },
      async ({ params: { containerId } }, reply) => {
        const { seq } = await control.request(containerId, 'interrupt')
        await reading.projected(containerId, seq)
        return reply.code(202).send({ stillQueued: history.queue(containerId).items.map(({ id }) => id) })
      },
    )
    app.get(
      `${path}/queue`,
      {
        schema: {
          tags: ['queue'],
          summary: 'The queue',
          params: ContainerParams,
          response: { 200: Queue, ...problems },
        },
      },
      async ({ params: { containerId } }) => {
        await reading.container(containerId)
        return history.queue(containerId)
      },
    )
    app.delete(
      `${path}/queue`,
      {
        schema: {
          tags: ['queue'],
          summary: 'Cancel everything that waits; what runs goes on',
          params: ContainerParams,
          response: { 200: Type.Object({ cancelled: Type.Array(Type.String()) }), ...problems },
        },
      },
      async ({ params: { containerId } }) => {
        const cleared = await instructions.clear(containerId)
        await reading.caughtUp()
        return cleared
      },
    )
    app.post(
      `${path}/recovery/reset`,
      {
        schema: {
          tags: ['daemon'],
          summary: 'Lift the quarantine after a failed recovery',
          params: ContainerParams,
          response: { 200: Container, ...problems },
        },
      },
      async ({ params: { containerId } }) => {
        const { seq } = await control.request(containerId, 'reset')
        await reading.projected(containerId, seq)
        return reading.container(containerId)
      },
    )
  }

function failureOf({ data }: JournalEvent): string {
  const { error, stderr } = data as { error?: { message?: string }; stderr?: string[] }
  return [error?.message ?? 'The agent did not start', ...(stderr ?? [])].join('\n')
}
