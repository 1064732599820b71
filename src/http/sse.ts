import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { HttpDeps } from './deps.ts'
import { type Cursor, placeCursor, replay } from './replay.ts'

const keepAliveMs = 15_000
const maxBufferedBytes = 4 * 1024 * 1024

/** Server-Sent Events; open ones end together with the WebSockets. */
export function createStreams(deps: Pick<HttpDeps, 'history' | 'feed' | 'log'>) {
  const open = new Set<PassThrough>()

  function begin(stream: PassThrough, containerId: string, cursor: Cursor) {
    const write = (text: string) => {
      if (!stream.writableEnded && !stream.destroyed) stream.write(text)
      // It comes back with Last-Event-ID; waiting for it would cost the memory of everybody.
      if (stream.writableLength > maxBufferedBytes) stream.end()
    }
    const { from, gap } = placeCursor(deps.history, containerId, cursor)
    write('retry: 1000\n\n')
    if (gap !== null) write(`event: replay.gap\ndata: ${JSON.stringify({ containerId, ...gap })}\n\n`)
    return replay(deps, containerId, from, {
      send: (event) => write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`),
      live: () => write(': live\n\n'),
      async drained() {
        if (stream.writableNeedDrain) await Promise.race([once(stream, 'drain'), once(stream, 'close')])
        return !stream.destroyed
      },
    })
  }

  return {
    open(reply: FastifyReply, containerId: string, cursor: Cursor) {
      const stream = new PassThrough()
      open.add(stream)
      const keepAlive = setInterval(() => stream.write(': keep-alive\n\n'), keepAliveMs)
      let unsubscribe = () => {}
      stream.once('close', () => {
        clearInterval(keepAlive)
        open.delete(stream)
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
      for (const stream of open) stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    },
    endAll() {
      for (const stream of open) stream.end()
    },
  }
}

export type Streams = ReturnType<typeof createStreams>
