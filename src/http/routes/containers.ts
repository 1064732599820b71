import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { HttpDeps } from '../deps.ts'
import type { Reading } from '../reading.ts'
import { Container, ContainerParams, PageQuery, page, problems } from '../schemas.ts'

const tags = ['containers']

export const containerRoutes =
  ({ history, containers }: HttpDeps, reading: Reading): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.put(
      '/v1/containers/:containerId',
      {
        schema: {
          tags,
          summary: 'Make a container known; again changes nothing',
          params: ContainerParams,
          response: { 200: Container, 201: Container, ...problems },
        },
      },
      async ({ params: { containerId } }, reply) => {
        const { isCreated, seq } = await containers.register(containerId)
        await reading.projected(containerId, seq)
        if (isCreated) reply.code(201).header('location', `/v1/containers/${containerId}`)
        return reading.container(containerId)
      },
    )
    app.get(
      '/v1/containers/:containerId',
      {
        schema: {
          tags,
          summary: 'Read a container',
          params: ContainerParams,
          response: { 200: Container, ...problems },
        },
      },
      ({ params }) => reading.container(params.containerId),
    )
    app.delete(
      '/v1/containers/:containerId',
      {
        schema: {
          tags,
          summary: 'Forget a container and its history; its workspace stays',
          params: ContainerParams,
          response: { 204: Type.Null(), ...problems },
        },
      },
      async ({ params: { containerId } }, reply) => {
        const { seq } = await containers.forget(containerId)
        await reading.projected(containerId, seq)
        return reply.code(204).send(null)
      },
    )
    app.get(
      '/v1/containers',
      {
        schema: {
          tags,
          summary: 'List containers, those of the token if it is limited to some',
          querystring: PageQuery,
          response: { 200: page(Container), ...problems },
        },
      },
      async ({ query, grant }) => history.containers(query, grant?.containers ?? undefined),
    )
  }
