import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { HttpDeps } from '../deps.ts'
import { Liveness, PodList, Readiness, Startup, Version, problems } from '../schemas.ts'

const tags = ['operations']
/** Open: who asks has no token. */
const security: [] = []

/** For probes and load balancers. */
export const probeRoutes =
  ({ probes, version }: Pick<HttpDeps, 'probes' | 'version'>): FastifyPluginAsyncTypebox =>
  async (app) => {
    // The event loop answers: that is all that liveness may depend on. A restart mends no Redis.
    app.get(
      '/livez',
      { schema: { tags, security, summary: 'The process answers', response: { 200: Liveness } } },
      async () => ({ status: 'ok' }),
    )
    app.get(
      '/readyz',
      {
        schema: {
          tags,
          security,
          summary: 'Ready for traffic; the body says what is not',
          response: { 200: Readiness, 503: Readiness },
        },
      },
      async (_request, reply) => {
        const readiness = await probes.readiness()
        return reply.code(readiness.status === 'ready' ? 200 : 503).send(readiness)
      },
    )
    app.get(
      '/startupz',
      {
        schema: {
          tags,
          security,
          summary: 'Everything has started',
          response: { 200: Startup, 503: Startup },
        },
      },
      async (_request, reply) => {
        const isStarted = probes.isStarted()
        return reply.code(isStarted ? 200 : 503).send({ status: isStarted ? 'started' : 'starting' })
      },
    )
    app.get(
      '/version',
      { schema: { tags, security, summary: 'The version', response: { 200: Version } } },
      async () => ({ version, node: process.version }),
    )
  }

/** For Prometheus; on a port of its own when there is one. */
export const metricsRoute =
  ({ metrics }: Pick<HttpDeps, 'metrics'>): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/metrics',
      { schema: { tags, security, summary: 'Prometheus metrics' } },
      async (_request, reply) => {
        const text = await metrics.registry.metrics()
        return reply.type(metrics.registry.contentType).send(text)
      },
    )
  }

export const podRoutes =
  ({ pods }: Pick<HttpDeps, 'pods'>): FastifyPluginAsyncTypebox =>
  async (app) => {
    app.get(
      '/v1/pods',
      {
        schema: {
          tags,
          summary: 'Pods that live, what each owns, and those that stopped with their shutdown reports',
          response: { 200: PodList, ...problems },
        },
      },
      async () => ({ items: await pods() }),
    )
  }
