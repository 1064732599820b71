import { setTimeout } from 'node:timers/promises'
import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import websocket from '@fastify/websocket'
import type { WebSocket } from 'ws'
import type { Authenticator } from '../../auth/authenticator.ts'
import { type Grant, endAtExpiry } from '../../auth/grant.ts'
import { type Config, shutdownBudget, stepBudgets } from '../../config.ts'
import { type Deadline, race } from '../../deadline.ts'
import { serviceError } from '../../errors.ts'
import type { Component } from '../../lifecycle.ts'
import type { HttpDeps } from '../deps.ts'
import type { Reading } from '../reading.ts'
import type { Streams } from '../sse.ts'
import { socketPath as path } from '../access.ts'
import { admit } from './admission.ts'
import { serveConnection } from './connection.ts'

const maxFrameBytes = 1024 * 1024
/** Close frames go out over this time, so that not all clients come back at once. */
const spreadMs = 800
const batches = 8
/** How long a client may take for the close handshake, at the shutdown and when it is closed for being slow. */
const handshakeMs = 1500
const closeTimeoutMs = 2000
/** One lost pong is no broken connection. */
const maxMisses = 2
/** `closeTimeout` is newer than the types of `ws`. */
const socketOptions = { maxPayload: maxFrameBytes, closeTimeout: closeTimeoutMs }
const retryHintMs = () => 100 + Math.round(Math.random() * 900)

/** Every open socket: pinged while the service runs, told and closed when it stops. */
export function createSockets(
  deps: Pick<HttpDeps, 'history' | 'feed' | 'deltas' | 'backlog' | 'audience' | 'log' | 'config'>,
  streams: Streams,
) {
  const { log, config } = deps
  const open = new Map<WebSocket, { send(frame: object): void; misses: number }>()
  /** What every client is told while the service drains. */
  let notice: object | undefined
  let isStopped = false
  let closed = 0
  let pinging: NodeJS.Timeout | undefined

  function ping() {
    for (const [socket, client] of open) {
      if (client.misses >= maxMisses) {
        socket.terminate()
        continue
      }
      client.misses += 1
      socket.ping()
    }
  }

  function add(
    socket: WebSocket,
    { grant }: Pick<FastifyRequest, 'grant'>,
    reading: Reading,
    authenticator: Authenticator,
  ) {
    // Who has not said who it is hears nothing.
    const client = { send(_frame: object) {}, misses: 0 }
    open.set(socket, client)
    socket.once('close', deps.audience.join())
    const serve = (known: Grant) => {
      client.send = serveConnection(socket, deps, reading, known).send
      socket.on(
        'close',
        endAtExpiry(known, () => socket.close(4401, 'The token has expired')),
      )
      if (notice !== undefined) client.send(notice)
    }
    socket.on('pong', () => {
      client.misses = 0
    })
    socket.on('close', () => open.delete(socket))
    if (grant === null) admit(socket, authenticator, serve)
    else serve(grant)
  }

  /** A hint in the reason: when to come back. */
  function close(socket: WebSocket): Promise<void> {
    closed += 1
    return new Promise((resolve) => {
      if (socket.readyState === socket.CLOSED) return resolve()
      socket.once('close', () => resolve())
      socket.close(1012, JSON.stringify({ retryAfterMs: retryHintMs() }))
    })
  }

  return {
    name: 'websocket',
    budgetMs: stepBudgets.websocket,
    routes:
      (reading: Reading, authenticator: Authenticator): FastifyPluginAsync =>
      async (app) => {
        await app.register(websocket, {
          options: socketOptions,
          // Sockets are closed in their own step, before the server is.
          preClose: (done: () => void) => done(),
        })
        app.get(
          path,
          {
            websocket: true,
            schema: { hide: true },
            preValidation: async (request) => {
              if (isStopped) throw serviceError('draining')
              if (!request.ws) throw serviceError('route_not_found', `${path} is a WebSocket`)
              deps.audience.assertRoom()
            },
          },
          (socket: WebSocket, request) => add(socket, request, reading, authenticator),
        )
      },
    start() {
      pinging = setInterval(ping, config.PING_SECONDS * 1000)
    },
    quiet() {
      const deadline = new Date(Date.now() + secondsOpen(config) * 1000).toISOString()
      notice = { op: 'service.draining', deadline, retryAfterMs: retryHintMs() }
      for (const client of open.values()) client.send({ ...notice, retryAfterMs: retryHintMs() })
      streams.announce('service.draining', { deadline, retryAfterMs: retryHintMs() })
    },
    async stop(deadline: Deadline) {
      isStopped = true
      clearInterval(pinging)
      closed += streams.count()
      streams.endAll(retryHintMs)
      const sockets = [...open.keys()]
      const size = Math.ceil(sockets.length / batches)
      const closing: Promise<void>[] = []
      for (let from = 0; from < sockets.length; from += size) {
        closing.push(...sockets.slice(from, from + size).map(close))
        const pauseMs = Math.min(
          (spreadMs / batches) * 2 * Math.random(),
          deadline.remainingMs() - handshakeMs,
        )
        if (from + size < sockets.length && pauseMs > 0) await setTimeout(pauseMs)
      }
      await race(Promise.all(closing), Math.min(handshakeMs, deadline.remainingMs() - 100))
      const silent = [...open.keys()]
      for (const socket of silent) socket.terminate()
      log.info({ closed, terminated: silent.length }, 'WebSocket server closed')
    },
    count: () => open.size,
    closedCount: () => closed,
  } satisfies Component & Record<string, unknown>
}

/** From the signal to the end of the sockets, at the longest: all that comes before their own step. */
function secondsOpen(config: Config): number {
  const { steps } = shutdownBudget(config)
  const own = steps.findIndex(({ name }) => name === 'websocket')
  return steps.slice(0, own).reduce((sum, { seconds }) => sum + seconds, 0)
}

export type Sockets = ReturnType<typeof createSockets>
