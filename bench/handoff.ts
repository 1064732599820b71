/**
 * How long a running instruction stands still when its pod ends: by a rolling update (SIGTERM) and by a crash (SIGKILL).
 * Side by side in one run: BullMQ with its defaults, a hand-off written by hand with BullMQ, and Baton.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { decodeEntry } from '../src/journal/entry.ts'
import { keyPrefix } from '../src/journal/scripts.ts'
import { createClient, until } from '../test/support/client.ts'
import { startRedis } from '../test/support/redis.ts'
import { eachOf, measured, option, spread, startPods } from './scope.ts'

type Signal = 'SIGTERM' | 'SIGKILL'
const sizes = option('containers', '1,50,200').split(',').map(Number)
const contenders = option('contenders', 'default,hand,baton').split(',')
const signals = option('signals', 'SIGTERM,SIGKILL').split(',') as Signal[]
const patienceMs = 120_000

interface Note {
  queue: string
  pod: string
  at: number
}

/** Milliseconds from each interruption to the next start elsewhere. */
type Delays = { perContainer: number[]; all: number; overlaps: number }

async function bullmq(t: TestContext, mode: string, count: number, signal: Signal): Promise<Delays> {
  const server = await startRedis(t)
  const redis = new Redis(server.url, { maxRetriesPerRequest: null })
  t.after(() => redis.disconnect())
  const start = async (name: string) => {
    const entry = fileURLToPath(new URL('bullmq-pod.ts', import.meta.url))
    const child = spawn(process.execPath, [entry, mode, server.url, name, String(count)], {
      stdio: 'inherit',
    })
    t.after(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    })
    await until(
      `${name} is ready`,
      async () => (await redis.lrange('bench:ready', 0, -1)).includes(name),
      patienceMs,
    )
    return child
  }
  const notes = async (list: string) =>
    (await redis.lrange(`bench:${list}`, 0, -1)).map((line) => JSON.parse(line) as Note)

  const queues = Array.from({ length: count }, (_, i) => new Queue(`c-${i}`, { connection: redis }))
  for (const queue of queues) await queue.setGlobalConcurrency(1)
  const old = await start('old')
  await Promise.all(queues.map((queue) => queue.add('instruction', {}, { jobId: `job-${queue.name}` })))
  await until('all run', async () => (await notes('starts')).length >= count, patienceMs)
  await start('new')
  const signalledAt = Date.now()
  old.kill(signal)
  const starts = await until(
    'all run again',
    async () => {
      const again = (await notes('starts')).filter(({ pod }) => pod === 'new')
      return again.length >= count && again
    },
    patienceMs,
  )
  const ends = new Map((await notes('interruptions')).map(({ queue, at }) => [queue, at]))
  const endOf = (queue: string) => (signal === 'SIGKILL' ? signalledAt : (ends.get(queue) ?? signalledAt))
  return delaysOf(starts.map(({ queue, at }) => ({ from: endOf(queue), to: at })))
}

async function baton(t: TestContext, count: number, signal: Signal): Promise<Delays> {
  const server = await startRedis(t)
  const redis = new Redis(server.url)
  t.after(() => redis.disconnect())
  const [old, next] = await startPods(t, server, 2, { WORKERS_BUDGET_SECONDS: '2' })
  if (old === undefined || next === undefined) throw new Error('no pods')
  const client = createClient(old.url)
  const names = Array.from({ length: count }, (_, i) => `c-${i}`)
  await eachOf(names, 8, async (name) => {
    await client.register(name)
    await client.submit(name, 'hold')
  })
  const events = async () =>
    (await redis.xrange(`${keyPrefix}:journal`, '-', '+')).map(
      ([id, fields]) => decodeEntry(id, fields).event,
    )
  const starts = async () => (await events()).filter(({ type }) => type === 'instruction.started')
  await until('all run', async () => (await starts()).length >= count, patienceMs)
  // Their agents have the text by now.
  await client.call('GET', '/v1/pods')
  // The other pod may have been quicker to claim one or two: they have nothing to hand over.
  const owned = new Set(
    (await starts())
      .filter(({ data }) => String(data.pod).startsWith('pod-1'))
      .map(({ containerId }) => containerId),
  )
  const signalledAt = Date.now()
  old.signal(signal)
  const again = await until(
    'all run again',
    async () => {
      const found = (await starts()).filter(
        ({ containerId, data }) => String(data.pod).startsWith('pod-2') && owned.has(containerId),
      )
      return found.length >= owned.size && found
    },
    patienceMs,
  )
  const ends = new Map(
    (await events())
      .filter(({ type }) => type === 'instruction.interrupted')
      .map(({ containerId, time }) => [containerId, Date.parse(time)]),
  )
  const endOf = (name: string | null) =>
    signal === 'SIGKILL' ? signalledAt : (ends.get(name) ?? signalledAt)
  return delaysOf(again.map(({ containerId, time }) => ({ from: endOf(containerId), to: Date.parse(time) })))
}

function delaysOf(pairs: { from: number; to: number }[]): Delays {
  const first = Math.min(...pairs.map(({ from }) => from))
  return {
    perContainer: pairs.map(({ from, to }) => to - from),
    all: Math.max(...pairs.map(({ to }) => to)) - first,
    overlaps: pairs.filter(({ from, to }) => to < from).length,
  }
}

console.log(
  '| signal | containers | contender | min ms | median ms | max ms | all running again, ms | overlaps |',
)
console.log('|---|---|---|---|---|---|---|---|')
for (const signal of signals) {
  for (const size of sizes) {
    for (const contender of contenders) {
      const delays = await measured((t) =>
        contender === 'baton' ? baton(t, size, signal) : bullmq(t, contender, size, signal),
      ).catch((error: unknown) => error as Error)
      if (delays instanceof Error) {
        console.log(`| ${signal} | ${size} | ${contender} | ${delays.message} |`)
        continue
      }
      const { min, median, max } = spread(delays.perContainer)
      const row = [signal, size, contender, min, median, max, delays.all, delays.overlaps]
      console.log(`| ${row.join(' | ')} |`)
    }
  }
}
