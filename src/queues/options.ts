import type { QueueOptions, WorkerOptions } from 'bullmq'
import type { Redis } from 'ioredis'

/** The hash tag gives each queue one slot of a Redis Cluster. */
export const queueName = (containerId: string) => `{c-${containerId}}`

const prefix = 'baton'

export const queueOptions = (connection: Redis): QueueOptions => ({
  connection,
  prefix,
  // Nobody reads BullMQ's own events here, and its default keeps 10,000 of them per queue.
  streams: { events: { maxLen: 100 } },
  defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
})

export const workerOptions = (connection: Redis): WorkerOptions => ({
  connection,
  prefix,
  concurrency: 1,
  autorun: true,
  // Short locks ran jobs twice when the event loop or Redis stalled; a dead owner's job is requeued by its lock token.
  lockDuration: 30_000,
  stalledInterval: 30_000,
  // The default of 1 fails a job for good at the second crash; our own crash limit decides.
  maxStalledCount: 1000,
})
