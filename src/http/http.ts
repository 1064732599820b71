import type { Logger } from 'pino'
import { type Config, stepBudgets } from '../config.ts'
import type { Component } from '../lifecycle.ts'
import { endWith, type MetricsServer } from './metrics-server.ts'
import { describePortOwner } from './port-owner.ts'
import type { HttpServer } from './server.ts'

/**
 * The listening server. Its stop belongs to terminus, see `src/terminus.ts`; the one for metrics, if there is one, ends
 * together with it.
 */
export function createHttp(
  app: HttpServer,
  metricsServer: MetricsServer | undefined,
  { HOST, PORT, METRICS_PORT }: Pick<Config, 'HOST' | 'PORT' | 'METRICS_PORT'>,
  log: Logger,
): Component {
  // For the name Fastify would open a second server that terminus does not know.
  const host = HOST === 'localhost' ? '127.0.0.1' : HOST

  async function listen(server: HttpServer | MetricsServer, port: number): Promise<string> {
    try {
      await server.listen({ host, port })
      return server.listeningOrigin
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
      const owner = (await describePortOwner(port)) ?? 'another process'
      throw new Error(`Port ${port} on ${HOST} is taken by ${owner}`, { cause })
    }
  }

  return {
    name: 'http',
    budgetMs: stepBudgets.http,
    async start() {
      log.info({ url: await listen(app, PORT) }, 'Listening')
      if (metricsServer === undefined || METRICS_PORT === undefined) return
      endWith(app.server, metricsServer.server)
      log.info({ url: await listen(metricsServer, METRICS_PORT) }, 'Listening for metrics and probes')
    },
  }
}
