import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { endAtExpiry } from '../../auth/grant.ts'
import type { HttpDeps } from '../deps.ts'
import type { Reading } from '../reading.ts'
import { ContainerParams, Event, problems } from '../schemas.ts'
import { type Streams, parseLastEventId } from '../sse.ts'

const tags = ['events']
const Seq = Type.Integer({ minimum: 0 })

export const eventRoutes =
  ({ history }: HttpDeps, reading: Reading, streams: Streams): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/v1/containers/:containerId/events',
      {
        schema: {
          tags,
          summary: 'A page of events in order, from the one after `afterSeq`',
          params: ContainerParams,
          querystring: Type.Object({
            afterSeq: Type.Integer({ minimum: 0, default: 0 }),
            limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
          }),
          response: {
            200: Type.Object({
              items: Type.Array(Event),
              headSeq: Seq,
              oldestSeq: Seq,
              epoch: Type.Union([Type.String(), Type.Null()]),
            }),
            ...problems,
          },
        },
      },
      async ({ params: { containerId }, query: { afterSeq, limit } }) => {
        await reading.container(containerId)
        const items = history.events(containerId, afterSeq, limit)
        return { items, ...history.bounds(containerId), epoch: history.epoch }
      },
    )
    app.get(
      '/v1/containers/:containerId/events/stream',
      {
        schema: {
          tags,
          summary: 'Events as Server-Sent Events: missed ones, then live; `id` is epoch and seq',
          params: ContainerParams,
          querystring: Type.Object({
            afterSeq: Type.Optional(Seq),
            epoch: Type.Optional(Type.String({ maxLength: 64 })),
            deltas: Type.Optional(
              Type.Boolean({ description: 'Also what the agent is just saying; ephemeral, without an id' }),
            ),
          }),
          headers: Type.Object({
            'last-event-id': Type.Optional(Type.String({ pattern: '^([\\w-]{1,64}:)?\\d{1,15}$' })),
          }),
          produces: ['text/event-stream'],
          response: problems,
        },
      },
      async ({ params: { containerId }, query, headers, grant }, reply) => {
        await reading.container(containerId)
        const lastId = headers['last-event-id']
        // A browser that reconnects repeats its first address: what it received since then comes first.
        const cursor = lastId === undefined ? query : parseLastEventId(lastId)
        await reading.reached(containerId, cursor)
        if (grant !== null)
          reply.raw.once(
            'close',
            endAtExpiry(grant, () => reply.raw.destroy()),
          )
        return streams.open(reply, containerId, { ...cursor, deltas: query.deltas })
      },
    )
  }
