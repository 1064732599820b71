import type { Logger } from 'pino'
import { type Config, stepBudgets } from '../config.ts'
import type { Component } from '../lifecycle.ts'
import { describePortOwner } from './port-owner.ts'
import type { HttpServer } from './server.ts'

/** The listening server. Its stop belongs to terminus, see `src/terminus.ts`. */
export function createHttp(
  app: HttpServer,
  { HOST, PORT }: Pick<Config, 'HOST' | 'PORT'>,
  log: Logger,
): Component {
  return {
    name: 'http',
    budgetMs: stepBudgets.http,
    async start() {
      try {
        // For the name Fastify would open a second server that terminus does not know.
        await app.listen({ host: HOST === 'localhost' ? '127.0.0.1' : HOST, port: PORT })
        log.info({ url: app.listeningOrigin }, 'Listening')
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause
        const owner = (await describePortOwner(PORT)) ?? 'another process'
        throw new Error(`Port ${PORT} on ${HOST} is taken by ${owner}`, { cause })
      }
    },
  }
}
