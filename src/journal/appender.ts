import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { RunScript } from './scripts.ts'

export interface OwnerEvent {
  type: string
  instructionId: string | null
  data: Record<string, unknown>
}

interface Buffered extends OwnerEvent {
  containerId: string
  bytes: number
}

const batchSize = 100
const retryMs = 200
const highWaterBytes = 8 * 1024 * 1024

/**
 * Writes an owner's events to the journal in order, several per step while Redis is busy.
 * `push` waits while more than 8 MiB are unwritten: the agent's output then waits in its pipe.
 */
export function createAppender(deps: {
  run: RunScript
  podId: string
  generation(containerId: string): number | undefined
  /** Another pod owns the container by now. */
  onFenced(containerId: string): Promise<void>
  log: Logger
}) {
  const { run, podId, generation, onFenced, log } = deps
  const buffer: Buffered[] = []
  let bufferedBytes = 0
  let batchNumber = 0
  let flushing: Promise<void> | undefined

  async function write() {
    while (buffer.length > 0) {
      const batch = takeBatch()
      const containerId = batch[0]?.containerId ?? ''
      const args = batch.flatMap((event) => [
        event.type,
        event.instructionId ?? '',
        JSON.stringify(event.data),
      ])
      batchNumber += 1
      await writeBatch(containerId, batch.length, args)
    }
  }

  /** Tries until Redis takes it: out of memory, read-only and gone all pass. */
  async function writeBatch(containerId: string, events: number, args: string[]) {
    for (let attempt = 1; ; attempt += 1) {
      const fence = generation(containerId)
      if (fence === undefined) {
        return log.warn({ containerId, events }, 'Events dropped: the container is no longer owned here')
      }
      try {
        const [outcome] = await run('append', containerId, podId, fence, batchNumber, ...args)
        // Released while it was on its way is another thing than taken by somebody else.
        if (outcome === 'fenced' && generation(containerId) === fence) fenced(containerId, events)
        return
      } catch (cause) {
        if (attempt === 1)
          log.error({ err: cause, containerId, events }, 'Events could not be written, trying again')
        await setTimeout(retryMs)
      }
    }
  }

  function fenced(containerId: string, events: number) {
    log.error(
      { containerId, events },
      'Events refused, another pod owns the container: its work here is ended',
    )
    onFenced(containerId).catch((err: unknown) => log.error({ err, containerId }, 'Work not ended'))
  }

  function takeBatch(): Buffered[] {
    const containerId = buffer[0]?.containerId
    let count = 0
    while (count < batchSize && buffer[count]?.containerId === containerId) count += 1
    const batch = buffer.splice(0, count)
    for (const event of batch) bufferedBytes -= event.bytes
    return batch
  }

  async function flush(): Promise<void> {
    while (buffer.length > 0 || flushing !== undefined) {
      flushing ??= write().finally(() => {
        flushing = undefined
      })
      await flushing
    }
  }

  return {
    async push(containerId: string, event: OwnerEvent): Promise<void> {
      const bytes = JSON.stringify(event.data).length
      buffer.push({ ...event, containerId, bytes })
      bufferedBytes += bytes
      const written = flush()
      if (bufferedBytes > highWaterBytes) await written
    },
    /** Resolves when all that was pushed before has been written. */
    flush,
  }
}

export type Appender = ReturnType<typeof createAppender>
