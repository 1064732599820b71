import type { Server } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import { serviceError } from '../errors.ts'
import type { HttpDeps } from './deps.ts'
import { createHostCheck } from './hosts.ts'
import { rawProblem, sendProblem } from './problem.ts'
import { metricsRoute, probeRoutes } from './routes/operations.ts'

/** `/metrics` and the probes on a port of their own, which needs no way in from outside the cluster. */
export async function createMetricsServer(deps: Pick<HttpDeps, 'config' | 'probes' | 'metrics' | 'version'>) {
  const { config } = deps
  if (config.METRICS_PORT === undefined) return undefined
  const isAllowedHost = createHostCheck(config, true)
  const app = Fastify({
    keepAliveTimeout: config.KEEP_ALIVE_SECONDS * 1000,
    forceCloseConnections: true,
    clientErrorHandler(error, socket) {
      if (socket.writable) socket.end(rawProblem(error))
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.setErrorHandler(sendProblem)
  app.setNotFoundHandler((request) => {
    throw serviceError('route_not_found', `No route ${request.method} ${request.url}`)
  })
  app.addHook('onRequest', async ({ headers: { host, origin } }) => {
    if (!isAllowedHost({ host, origin })) throw serviceError('host_not_allowed')
  })
  await app.register(probeRoutes(deps))
  await app.register(metricsRoute(deps))
  await app.ready()
  return app
}

export type MetricsServer = NonNullable<Awaited<ReturnType<typeof createMetricsServer>>>

/** It answers as long as the main server does: probes are asked until the end of the drain. */
export function endWith(main: Server, own: Server) {
  main.once('close', () => {
    own.close()
    own.closeAllConnections()
  })
}
