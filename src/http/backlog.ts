import type { Logger } from 'pino'

const limitBytes = 256 * 1024 * 1024
/** Of the clients that are behind, how many go at once when the limit is reached. */
const cutShare = 0.1

interface Client {
  unread(): number
  cut(): void
}

/**
 * What all clients together leave unread, as memory: bytes that many of them wait for count once. Each client may be
 * some megabytes behind, but not all of them at once: at the limit those that are furthest behind are cut off, and come
 * back with their cursors.
 */
export function createBacklog(log: Logger, limit = limitBytes) {
  const behind = new Set<Client>()
  let total = 0
  let isRelieving = false

  function relieve() {
    // What a cut sets free is seen in the next turn of the event loop only.
    if (isRelieving) return
    isRelieving = true
    setImmediate(() => {
      isRelieving = false
    })
    const furthest = [...behind]
      .map((client) => ({ client, bytes: client.unread() }))
      .toSorted((a, b) => b.bytes - a.bytes)
    const cut = furthest.slice(0, Math.max(1, Math.round(furthest.length * cutShare)))
    for (const { client } of cut) {
      behind.delete(client)
      client.cut()
    }
    log.warn({ clients: cut.length, unreadBytes: total }, 'Clients that do not read were cut off')
  }

  return {
    /** Bytes that begin (or, negative, cease) to wait for anybody. */
    hold(bytes: number) {
      total += bytes
    },
    open(client: Client) {
      return {
        /** After everything that was sent. */
        note() {
          if (client.unread() > 0) behind.add(client)
          else behind.delete(client)
          if (total > limit) relieve()
        },
        close: () => behind.delete(client),
      }
    },
    bytes: () => total,
    /** Half of it is used: who asks for old events waits until others have read theirs. */
    isShort: () => total > limit / 2,
  }
}

export type Backlog = ReturnType<typeof createBacklog>
