import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { messageOf } from '../errors.ts'
import { keyPrefix } from './scripts.ts'

/** A piece of what an agent is just saying. It has no seq and no history: the whole follows as an event. */
export interface Delta {
  containerId: string
  instructionId: string | null
  data: { kind: 'text' | 'thinking'; text: string; parentToolUseId?: string }
}

type Listener = (delta: Delta) => void

/** Pieces of one kind that come within this time go out as one. */
const gatherMs = 40
/** More than this waits for nothing. */
const gatherChars = 16 * 1024
const channelPrefix = `${keyPrefix}:deltas:`

/**
 * Carries deltas from the owner of a container to whatever pods have readers that asked for them, over pub/sub: nobody
 * waits for anybody, and what nobody listens to is gone.
 */
export function createDeltas(deps: { publisher: Redis; subscriber: Redis; log: Logger }) {
  const { publisher, subscriber, log } = deps
  const gathered = new Map<string, { delta: Delta; timer: NodeJS.Timeout }>()
  const listeners = new Map<string, Set<Listener>>()

  subscriber.on('message', (channel: string, message: string) => {
    const delta = JSON.parse(message) as Delta
    for (const listener of listeners.get(channel.slice(channelPrefix.length)) ?? []) listener(delta)
  })

  const unheard = (what: string) => (cause: unknown) =>
    log.debug({ reason: messageOf(cause) }, `Deltas: ${what}`)

  function flush(containerId: string) {
    const found = gathered.get(containerId)
    if (found === undefined) return
    gathered.delete(containerId)
    clearTimeout(found.timer)
    publisher
      .publish(channelPrefix + containerId, JSON.stringify(found.delta))
      .catch(unheard('one was not published'))
  }

  return {
    /** Hands on what was gathered: what comes next is the whole. */
    flush,
    publish(delta: Delta) {
      const { containerId, instructionId, data } = delta
      const last = gathered.get(containerId)?.delta
      const isSame =
        last?.instructionId === instructionId &&
        last.data.kind === data.kind &&
        last.data.parentToolUseId === data.parentToolUseId
      if (last !== undefined && isSame) last.data.text += data.text
      else {
        flush(containerId)
        const timer = setTimeout(() => flush(containerId), gatherMs)
        gathered.set(containerId, { delta: { ...delta, data: { ...data } }, timer })
      }
      if ((gathered.get(containerId)?.delta.data.text.length ?? 0) > gatherChars) flush(containerId)
    },
    subscribe(containerId: string, listener: Listener): () => void {
      const channel = channelPrefix + containerId
      const known = listeners.get(containerId)
      const all = known ?? new Set()
      listeners.set(containerId, all.add(listener))
      if (known === undefined) subscriber.subscribe(channel).catch(unheard('not subscribed'))
      return () => {
        if (!all.delete(listener) || all.size > 0) return
        listeners.delete(containerId)
        subscriber.unsubscribe(channel).catch(unheard('not unsubscribed'))
      }
    },
  }
}

export type Deltas = ReturnType<typeof createDeltas>
