import type { Server } from 'node:http'
import { createTerminus } from '@godaddy/terminus'
import type { Logger } from 'pino'

/**
 * The HTTP step belongs to terminus, the order to the lifecycle: terminus's `beforeShutdown` lasts until the list
 * reaches this step, its `onSignal` tells that the server has stopped and then waits for the end of the list.
 */
export function createHttpStop(deps: { server: Server; budgetMs: number; log: Logger; ended: Promise<unknown> }) {
  const { server, budgetMs, log, ended } = deps
  const reached = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  stopped.promise.catch(() => {})

  // terminus exits at once when close fails, and the database would stay open: the lifecycle hears of it instead.
  const close = server.close.bind(server)
  server.close = (callback) => {
    try {
      return close((error) => {
        if (error) stopped.reject(error)
        callback?.()
      })
    } catch (error) {
      stopped.reject(error)
      callback?.()
      return server
    }
  }

  createTerminus(server, {
    signals: ['SIGTERM', 'SIGINT'],
    // As PID 1 a signal that terminus sends to itself again would be ignored, and the process would stay.
    useExit0: true,
    // Sockets that are still busy are destroyed a little before the step's own budget ends.
    timeout: budgetMs * 0.9,
    sendFailuresDuringShutdown: false,
    logger: (message, err) => log.error({ err }, message),
    beforeShutdown: () => reached.promise,
    onSignal: async () => {
      stopped.resolve()
      await ended
    },
  })

  return async () => {
    reached.resolve()
    await stopped.promise
    log.info('HTTP server closed')
  }
}
