import type { JournalEvent } from '../journal/event.ts'

export type Listener = (event: JournalEvent) => void

/** Hands every event on to those who asked for its container, after SQLite has it. `null` asks for the service's own. */
export function createFeed() {
  const byContainer = new Map<string | null, Set<Listener>>()
  const all = new Set<Listener>()

  function subscribe(containerId: string | null, listener: Listener): () => void {
    const listeners = byContainer.get(containerId) ?? new Set()
    byContainer.set(containerId, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && byContainer.get(containerId) === listeners) byContainer.delete(containerId)
    }
  }

  return {
    publish(events: JournalEvent[]) {
      for (const event of events) {
        for (const listener of all) listener(event)
        for (const listener of byContainer.get(event.containerId) ?? []) listener(event)
      }
    },
    subscribe,
    subscribeAll(listener: Listener): () => void {
      all.add(listener)
      return () => all.delete(listener)
    },
    /** The first event behind `afterSeq` that matches, or `undefined` after `ms`. Ask before the event can come. */
    waitFor(containerId: string, afterSeq: number, match: (event: JournalEvent) => boolean, ms: number) {
      return new Promise<JournalEvent | undefined>((resolve) => {
        const unsubscribe = subscribe(containerId, (event) => {
          if (event.seq > afterSeq && match(event)) end(event)
        })
        const timer = setTimeout(() => end(undefined), ms)
        function end(event: JournalEvent | undefined) {
          clearTimeout(timer)
          unsubscribe()
          resolve(event)
        }
      })
    },
  }
}

export type Feed = ReturnType<typeof createFeed>
