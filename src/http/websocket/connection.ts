import { setTimeout } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { HttpDeps } from '../deps.ts'
import { placeCursor, replay } from '../replay.ts'
import type { Reading } from '../reading.ts'
import { type ClientFrame, parseFrame } from './frames.ts'

/** While it replays, a client that reads slowly is waited for. */
const replayBufferBytes = 1024 * 1024
/** A live client that is this far behind is closed: it comes back with its cursor. */
const liveBufferBytes = 4 * 1024 * 1024
const drainPollMs = 20

/** One client: frames in, events out. */
export function serveConnection(
  socket: WebSocket,
  deps: Pick<HttpDeps, 'history' | 'feed' | 'log'>,
  reading: Reading,
) {
  const { history, log } = deps
  const subscriptions = new Map<string, { end(): void }>()
  const isOpen = () => socket.readyState === socket.OPEN

  function send(frame: object) {
    if (!isOpen()) return
    socket.send(JSON.stringify(frame))
    if (socket.bufferedAmount > liveBufferBytes) socket.close(1013, 'too slow')
  }

  const fail = (code: string, message: string, containerId?: string) =>
    send({ op: 'error', code, message, ...(containerId === undefined ? {} : { containerId }) })

  async function drained(): Promise<boolean> {
    while (isOpen() && socket.bufferedAmount > replayBufferBytes) await setTimeout(drainPollMs)
    return isOpen()
  }

  async function subscribe({ containerId, afterSeq, epoch }: Extract<ClientFrame, { op: 'subscribe' }>) {
    subscriptions.get(containerId)?.end()
    let isEnded = false
    let unsubscribe = () => {}
    const subscription = {
      end() {
        isEnded = true
        unsubscribe()
      },
    }
    subscriptions.set(containerId, subscription)
    const container = await reading.container(containerId)
    const { from, gap } = placeCursor(history, containerId, { afterSeq, epoch })
    const { running } = history.queue(containerId)
    const bounds = history.bounds(containerId)
    send({
      op: 'subscribed',
      containerId,
      epoch: history.epoch,
      ...bounds,
      daemon: container.daemon,
      activeInstruction: running,
    })
    if (gap !== null) send({ op: 'replay.gap', containerId, ...gap })
    unsubscribe = await replay(deps, containerId, from, {
      send: (event) => {
        if (!isEnded) send(event)
      },
      live: () => send({ op: 'live', containerId }),
      drained: async () => (await drained()) && !isEnded,
    })
    if (isEnded) unsubscribe()
  }

  function receive(data: string) {
    const parsed = parseFrame(data)
    if ('code' in parsed) return fail(parsed.code, parsed.message)
    const { frame } = parsed
    if (frame.op === 'ping') return send({ op: 'pong' })
    if (frame.op === 'unsubscribe') {
      subscriptions.get(frame.containerId)?.end()
      subscriptions.delete(frame.containerId)
      return send({ op: 'unsubscribed', containerId: frame.containerId })
    }
    subscribe(frame).catch((error: Error & { code?: string }) => {
      subscriptions.delete(frame.containerId)
      if (error.code === undefined)
        log.error({ err: error, containerId: frame.containerId }, 'A subscription failed')
      fail(
        error.code ?? 'internal_error',
        error.code === undefined ? 'See the log' : error.message,
        frame.containerId,
      )
    })
  }

  // `ws` gives one Buffer a message unless told otherwise.
  socket.on('message', (data) => receive((data as Buffer).toString()))
  socket.on('close', () => {
    for (const subscription of subscriptions.values()) subscription.end()
    subscriptions.clear()
  })
  // A broken connection is followed by its close.
  socket.on('error', (err) => log.debug({ err }, 'WebSocket error'))
  return { send }
}
