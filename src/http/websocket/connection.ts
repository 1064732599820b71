import { setTimeout } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { type Grant, mayUse } from '../../auth/grant.ts'
import { errorCodes } from '../../errors.ts'
import type { HttpDeps } from '../deps.ts'
import { placeCursor, replay } from '../replay.ts'
import type { Reading } from '../reading.ts'
import { type ClientFrame, parseFrame } from './frames.ts'
import { sendFrame } from './sender.ts'

/** While it replays, a client that reads slowly is waited for. */
const replayBufferBytes = 1024 * 1024
/** A live client that is this far behind is closed: it comes back with its cursor. */
const liveBufferBytes = 4 * 1024 * 1024
/** Deltas are the first that a client which is behind has to do without. */
const deltaBufferBytes = 256 * 1024
const drainPollMs = 20

type Subscribe = Extract<ClientFrame, { op: 'subscribe' }>
type Subscription = ReturnType<typeof createSubscription>

/** One client: frames in, events out. */
export function serveConnection(
  socket: WebSocket,
  deps: Pick<HttpDeps, 'history' | 'feed' | 'deltas' | 'backlog' | 'audience' | 'log'>,
  reading: Reading,
  grant: Grant,
) {
  const { history, log } = deps
  const subscriptions = new Map<string, Subscription>()
  const isOpen = () => socket.readyState === socket.OPEN
  const account = deps.backlog.open({
    unread: () => socket.bufferedAmount,
    cut: () => socket.terminate(),
  })

  function send(frame: object) {
    if (!isOpen()) return
    sendFrame(socket, frame, deps.backlog)
    account.note()
    if (socket.bufferedAmount > liveBufferBytes) socket.close(1013, 'too slow')
  }

  const fail = (code: string, message: string, containerId?: string) =>
    send({ op: 'error', code, message, ...(containerId === undefined ? {} : { containerId }) })

  const hasRoom = () => socket.bufferedAmount <= (deps.backlog.isShort() ? 0 : replayBufferBytes)

  /** Ends at the latest when the client has missed its pings. */
  async function drained(): Promise<boolean> {
    while (isOpen() && !hasRoom()) await setTimeout(drainPollMs)
    return isOpen()
  }

  function subscribe(frame: Subscribe) {
    const { containerId } = frame
    if (!mayUse(grant, containerId))
      return fail('container_not_allowed', errorCodes.container_not_allowed.title, containerId)
    subscriptions.get(containerId)?.end()
    const subscription = createSubscription()
    subscriptions.set(containerId, subscription)
    follow(frame, subscription).catch((error: Error & { code?: string }) => {
      subscription.end()
      if (subscriptions.get(containerId) === subscription) subscriptions.delete(containerId)
      if (error.code === undefined) log.error({ err: error, containerId }, 'A subscription failed')
      fail(
        error.code ?? 'internal_error',
        error.code === undefined ? 'See the log' : error.message,
        containerId,
      )
    })
  }

  async function follow({ containerId, afterSeq, epoch, deltas }: Subscribe, subscription: Subscription) {
    subscription.onEnd(deps.audience.follow(containerId))
    const container = await reading.container(containerId)
    await reading.reached(containerId, { afterSeq, epoch })
    if (subscription.isEnded()) return
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
    const unlessEnded = (frame: object) => {
      if (!subscription.isEnded()) send(frame)
    }
    const unsubscribe = await replay(deps, containerId, from, {
      send: unlessEnded,
      gap: (lost) => unlessEnded({ op: 'replay.gap', containerId, ...lost }),
      live: () => unlessEnded({ op: 'live', containerId }),
      hasRoom,
      drained: async () => (await drained()) && !subscription.isEnded(),
    })
    subscription.onEnd(unsubscribe)
    if (deltas !== true) return
    const mute = deps.deltas.subscribe(containerId, (delta) => {
      if (socket.bufferedAmount <= deltaBufferBytes) send({ op: 'delta', ...delta })
    })
    subscription.onEnd(mute)
  }

  function receive(data: string) {
    const parsed = parseFrame(data)
    if ('code' in parsed) return fail(parsed.code, parsed.message)
    const { frame } = parsed
    if (frame.op === 'ping') return send({ op: 'pong' })
    // Who is in already, by header or because nobody is asked, stays who it is.
    if (frame.op === 'auth') return send({ op: 'authenticated' })
    if (frame.op === 'unsubscribe') {
      subscriptions.get(frame.containerId)?.end()
      subscriptions.delete(frame.containerId)
      return send({ op: 'unsubscribed', containerId: frame.containerId })
    }
    subscribe(frame)
  }

  // `ws` gives one Buffer a message unless told otherwise.
  socket.on('message', (data) => receive((data as Buffer).toString()))
  socket.on('close', () => {
    for (const subscription of subscriptions.values()) subscription.end()
    subscriptions.clear()
    account.close()
  })
  // A broken connection is followed by its close.
  socket.on('error', (err) => log.debug({ err }, 'WebSocket error'))
  return { send }
}

/** Can end while it still replays, before there is anything to unsubscribe from. */
function createSubscription() {
  let isEnded = false
  const ends: (() => void)[] = []
  return {
    isEnded: () => isEnded,
    onEnd(end: () => void) {
      if (isEnded) end()
      else ends.push(end)
    },
    end() {
      isEnded = true
      for (const end of ends.splice(0)) end()
    },
  }
}
