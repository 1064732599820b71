import { type BatonEvent, createBatonClient } from '../../../src/client/client.ts'

export interface Watched {
  events: BatonEvent[]
  reconnects: number
  /** Anything that breaks the unbroken sequence 1, 2, 3, ... */
  gaps: string[]
  repeats: string[]
}

/** Clients that follow a container each with the project's own client, from its first event on, over every rollout. */
export function startWatchers(
  base: string,
  options: { containers: string[]; count: number; token: string | undefined },
) {
  const { containers, count, token } = options
  const stop = new AbortController()
  const watchers: Watched[] = []

  async function watch(containerId: string) {
    const watched: Watched = { events: [], reconnects: 0, gaps: [], repeats: [] }
    watchers.push(watched)
    const client = createBatonClient({ url: base, ...(token === undefined ? {} : { token }) })
    const events = client.events({
      containerId,
      afterSeq: 0,
      signal: stop.signal,
      onState({ kind }) {
        if (kind === 'reconnecting') watched.reconnects += 1
      },
    })
    let last = 0
    for await (const item of events) {
      if (item.type === 'replay.gap') {
        watched.gaps.push(`${containerId}: replay.gap after ${last}`)
        continue
      }
      if (!('seq' in item)) continue
      if (item.seq <= last) watched.repeats.push(`${containerId}: ${item.seq} after ${last}`)
      if (item.seq > last + 1) watched.gaps.push(`${containerId}: ${item.seq} after ${last}`)
      last = Math.max(last, item.seq)
      watched.events.push(item)
    }
  }

  const running = Promise.all(
    Array.from({ length: count }, (_, index) => watch(containers[index % containers.length] ?? '')),
  )
  return {
    watchers,
    containerOf: (index: number) => containers[index % containers.length] ?? '',
    async stop() {
      stop.abort()
      await running
    },
  }
}

/** Milliseconds that each handed-over instruction stood still: from its interruption to its next start. */
export function handOffs(events: BatonEvent[]): number[] {
  const interruptedAt = new Map<string, number>()
  const waits: number[] = []
  for (const { type, instructionId, time, data } of events) {
    if (instructionId === null) continue
    if (type === 'instruction.interrupted' && data.cause === 'drain')
      interruptedAt.set(instructionId, Date.parse(time))
    const since = interruptedAt.get(instructionId)
    if (type !== 'instruction.started' || since === undefined) continue
    waits.push(Date.parse(time) - since)
    interruptedAt.delete(instructionId)
  }
  return waits
}
