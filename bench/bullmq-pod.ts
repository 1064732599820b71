/**
 * A pod as one writes it with BullMQ alone: a worker per queue, one job at a time. `default` leaves everything to
 * BullMQ; `hand` hands its jobs back with `moveToWait` and takes over those of a pod whose heartbeat is gone.
 */
import { Queue, WaitingError, Worker } from 'bullmq'
import { Redis } from 'ioredis'

const [mode = 'default', url = '', name = '', countText = '1'] = process.argv.slice(2)
const count = Number(countText)
const heartbeatMs = 1000
const heartbeatTtlMs = 3000
const redis = new Redis(url, { maxRetriesPerRequest: null })
const said = new Redis(url)
const connection = redis

const note = (list: string, queue: string) =>
  said.rpush(`bench:${list}`, JSON.stringify({ queue, pod: name, at: Date.now() }))

const workers = Array.from({ length: count }, (_, i) => {
  const queue = `c-${i}`
  const worker = new Worker(
    queue,
    async (job, token, signal) => {
      await note('starts', queue)
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
      await note('interruptions', queue)
      await job.moveToWait(token)
      throw new WaitingError()
    },
    { connection, maxStalledCount: 100 },
  )
  worker.on('error', () => {})
  return worker
})

if (mode === 'hand') {
  setInterval(
    () => void redis.set(`bench:alive:${name}`, '1', 'PX', heartbeatTtlMs).catch(() => {}),
    heartbeatMs,
  )
  await redis.set(`bench:alive:${name}`, '1', 'PX', heartbeatTtlMs)
  await redis.sadd('bench:pods', name)
  setInterval(() => {
    takeOver().catch(console.error)
  }, 100)
}

async function takeOver() {
  for (const pod of await redis.smembers('bench:pods')) {
    if (pod === name || (await redis.exists(`bench:alive:${pod}`)) === 1) continue
    if ((await redis.srem('bench:pods', pod)) === 0) continue
    await Promise.all(
      workers.map(async ({ name: queueName }) => {
        const queue = new Queue(queueName, { connection })
        for (const job of await queue.getActive()) {
          const token = await redis.get(`${queue.toKey(job.id ?? '')}:lock`)
          await job.moveToWait(token ?? '0')
        }
        await queue.close()
      }),
    )
  }
}

process.on('SIGTERM', () => {
  stop().then(
    () => process.exit(0),
    () => process.exit(1),
  )
})

async function stop() {
  if (mode === 'default') {
    await Promise.all(workers.map(({ name: queue }) => note('interruptions', queue)))
    return Promise.all(workers.map((worker) => worker.close(true)))
  }
  await redis.srem('bench:pods', name)
  const closing = workers.map((worker) => worker.close())
  for (const worker of workers) worker.cancelAllJobs('drain')
  return Promise.all(closing)
}

await Promise.all(workers.map((worker) => worker.waitUntilReady()))
await said.rpush('bench:ready', name)
