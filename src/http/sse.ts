import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { serviceError } from '../errors.ts'
import type { Backlog } from './backlog.ts'
import type { HttpDeps } from './deps.ts'
import { type Cursor, type Gap, placeCursor, replay } from './replay.ts'

const keepAliveMs = 15_000
const maxBufferedBytes = 4 * 1024 * 1024
/** Deltas are the first that a client which is behind has to do without. */
const deltaBufferBytes = 256 * 1024

/** What a browser sends back as `Last-Event-ID`: a seq means something in its epoch only. */
const idOf = (epoch: string, seq: number) => `${epoch}:${seq}`

export function parseLastEventId(id: string): Cursor {
  const at = id.lastIndexOf(':')
  return { afterSeq: Number(id.slice(at + 1)), epoch: at < 0 ? undefined : id.slice(0, at) }
}

/** Server-Sent Events; open ones end together with the WebSockets. */
export function createStreams(
  deps: Pick<HttpDeps, 'history' | 'feed' | 'deltas' | 'backlog' | 'audience' | 'log'>,
) {
  const open = new Map<PassThrough, ReturnType<typeof createAccount>>()
  let hasEnded = false

  function write(stream: PassThrough, text: string) {
    if (stream.writableEnded || stream.destroyed) return
    stream.write(text)
    open.get(stream)?.note()
    // It comes back with Last-Event-ID; waiting for it would cost the memory of everybody.
    if (stream.writableLength > maxBufferedBytes) stream.destroy()
  }

  function begin(stream: PassThrough, containerId: string, cursor: Cursor) {
    const sendGap = (gap: Gap) => {
      const id = gap.epoch === null ? '' : `id: ${idOf(gap.epoch, gap.oldestSeq - 1)}\n`
      write(stream, `${id}event: replay.gap\ndata: ${JSON.stringify({ containerId, ...gap })}\n\n`)
    }
    const { from, gap } = placeCursor(deps.history, containerId, cursor)
    write(stream, 'retry: 1000\n\n')
    if (gap !== null) sendGap(gap)
    return replay(deps, containerId, from, {
      send: (event) =>
        write(
          stream,
          `id: ${idOf(event.epoch, event.seq)}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
        ),
      gap: sendGap,
      live: () => write(stream, ': live\n\n'),
      hasRoom: () => !stream.writableNeedDrain,
      async drained() {
        if (stream.writableNeedDrain) await drainOrClose(stream)
        return !stream.destroyed && !stream.writableEnded
      },
    })
  }

  return {
    open(reply: FastifyReply, containerId: string, cursor: Cursor & { deltas?: boolean | undefined }) {
      // A new stream would keep the server from closing.
      if (hasEnded) throw serviceError('draining')
      deps.audience.assertRoom()
      const unfollow = deps.audience.follow(containerId)
      const leave = deps.audience.join()
      const stream = new PassThrough()
      const account = createAccount(stream, deps.backlog)
      open.set(stream, account)
      const keepAlive = setInterval(() => write(stream, ': keep-alive\n\n'), keepAliveMs)
      let unsubscribe = () => {}
      const mute =
        cursor.deltas === true
          ? deps.deltas.subscribe(containerId, (delta) => {
              if (stream.writableLength <= deltaBufferBytes)
                write(stream, `event: agent.delta\ndata: ${JSON.stringify(delta)}\n\n`)
            })
          : () => {}
      stream.once('close', () => {
        unfollow()
        leave()
        mute()
        clearInterval(keepAlive)
        open.delete(stream)
        account.close()
        unsubscribe()
      })
      reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type('text/event-stream')
      begin(stream, containerId, cursor)
        .then((end) => {
          unsubscribe = end
          return stream.destroyed ? end() : undefined
        })
        .catch((err: unknown) => {
          deps.log.error({ err, containerId }, 'An event stream broke off')
          stream.destroy()
        })
      return reply.send(stream)
    },
    count: () => open.size,
    announce(name: string, data: object) {
      for (const stream of open.keys()) write(stream, `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    /** Each is told when to come back, not all at once. */
    endAll(retryMs: () => number) {
      hasEnded = true
      for (const stream of open.keys()) stream.end(`retry: ${retryMs()}\n\n`)
    },
  }
}

/** What a stream leaves unread is its own: its text is nobody else's. */
function createAccount(stream: PassThrough, backlog: Backlog) {
  const unread = () => stream.writableLength + stream.readableLength
  const account = backlog.open({ unread, cut: () => stream.destroy() })
  let held = 0
  function hold(bytes: number) {
    backlog.hold(bytes - held)
    held = bytes
  }
  return {
    note() {
      hold(unread())
      account.note()
    },
    close() {
      hold(0)
      account.close()
    },
  }
}

/** Leaves no listener behind: a long replay waits many times. */
function drainOrClose(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    function done() {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.once('drain', done).once('close', done)
  })
}

export type Streams = ReturnType<typeof createStreams>
