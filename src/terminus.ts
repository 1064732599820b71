import type { Server } from 'node:http'
import { createTerminus } from '@godaddy/terminus'
import type { Logger } from 'pino'
import type { Component } from './lifecycle.ts'

/** What terminus makes of a server. */
type Stoppable = Server & { stop(callback: (error?: Error) => void): void }

/** Of the step's budget: after this, connections that are still busy are destroyed, so that the step ends in time. */
const graceShare = 0.9

/**
 * Leaves the HTTP step to terminus and the order to the lifecycle: terminus's `beforeShutdown` lasts until the list
 * reaches this step; its `onSignal` tells that the server has stopped and then waits for the end of the list.
 */
export function stoppedByTerminus(
  http: Component,
  deps: { server: Server; log: Logger; ended: Promise<unknown> },
): Component {
  const { server, log, ended } = deps
  const reached = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  stopped.promise.catch(() => {})
  let isTerminusWaiting = false

  // terminus exits at once when close fails, and the database would stay open: the lifecycle hears of it instead.
  const close = server.close.bind(server)
  server.close = (callback) => {
    // A server whose start failed has nothing to close.
    if (!server.listening) {
      callback?.()
      return server
    }
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
    // A fresh array, because terminus changes it.
    signals: ['SIGTERM', 'SIGINT'],
    // As PID 1 a signal that terminus sends to itself again would be ignored, and the process would stay.
    useExit0: true,
    timeout: http.budgetMs * graceShare,
    sendFailuresDuringShutdown: false,
    logger: (message, err) => log.error({ err }, message),
    beforeShutdown: () => {
      isTerminusWaiting = true
      return reached.promise
    },
    onSignal: async () => {
      stopped.resolve()
      await ended
    },
  })

  return {
    ...http,
    async stop() {
      // terminus knows signals only; after an exception its stop is called here.
      if (isTerminusWaiting) reached.resolve()
      else (server as Stoppable).stop(() => stopped.resolve())
      await stopped.promise
      log.info('HTTP server closed')
    },
  }
}
