import type { Logger } from 'pino'

/** A client that is closer behind than this counts for nothing. */
const behindBytes = 64 * 1024
const limitBytes = 256 * 1024 * 1024

interface Client {
  bytes: number
  unread(): number
  cut(): void
}

/**
 * What all clients together leave unread. Each may be some megabytes behind, but not all of them at once: beyond the
 * limit those that are furthest behind are cut off, and come back with their cursors.
 */
export function createBacklog(log: Logger, limit = limitBytes) {
  const behind = new Set<Client>()
  let total = 0

  function count(client: Client, bytes: number) {
    const counted = bytes < behindBytes ? 0 : bytes
    total += counted - client.bytes
    client.bytes = counted
    if (counted === 0) behind.delete(client)
    else behind.add(client)
  }

  /** Some have read since they were last looked at. */
  function recount() {
    for (const client of behind) count(client, client.unread())
  }

  function relieve() {
    recount()
    if (total <= limit) return
    const unreadBytes = total
    const furthest = [...behind].toSorted((a, b) => b.bytes - a.bytes)
    let clients = 0
    for (const client of furthest) {
      if (total <= limit * 0.75) break
      count(client, 0)
      client.cut()
      clients += 1
    }
    log.warn({ clients, unreadBytes }, 'Clients that do not read were cut off')
  }

  return {
    open(unread: () => number, cut: () => void) {
      const client: Client = { bytes: 0, unread, cut }
      return {
        /** After everything that was sent. */
        note() {
          count(client, unread())
          if (total > limit) relieve()
        },
        close: () => count(client, 0),
      }
    },
    /** Half of it is used: who asks for old events waits until others have read theirs. */
    isShort() {
      if (total > limit / 2) recount()
      return total > limit / 2
    },
  }
}

export type Backlog = ReturnType<typeof createBacklog>
