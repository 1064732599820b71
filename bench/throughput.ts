/**
 * What Baton costs: requests accepted per second against bare fastify and `queue.add`, and instructions per second
 * against bare BullMQ workers, with 1 and 3 pods, side by side in one run.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { TestContext } from 'node:test'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { keyPrefix } from '../src/journal/scripts.ts'
import { createClient, until } from '../test/support/client.ts'
import { startRedis } from '../test/support/redis.ts'
import { eachOf, measured, option, startPods } from './scope.ts'

const rounds = Number(option('rounds', '3'))
const requests = Number(option('requests', '4000'))
const each = Number(option('instructions', '40'))
const containers = Array.from({ length: Number(option('containers', '50')) }, (_, i) => `c-${i}`)
const podCounts = option('pods', '1,3').split(',').map(Number)
const inFlight = 32
const patienceMs = 300_000
const text = 'x'.repeat(200)

/** A pod of bare fastify and BullMQ; resolves with its first line. */
async function startBare(t: TestContext, url: string, role: 'accept' | 'work') {
  const entry = fileURLToPath(new URL('bare-pod.ts', import.meta.url))
  const child = spawn(process.execPath, [entry, url, String(containers.length), role])
  child.stderr.pipe(process.stderr)
  t.after(async () => {
    const exited = once(child, 'exit')
    if (child.kill('SIGKILL')) await exited
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return { child, line }
}

async function post(agent: Agent, url: string, body: string) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const sent = request(url, { method: 'POST', agent, headers }, (response) => {
    response
      .resume()
      .on('end', () =>
        response.statusCode === 202 ? resolve() : reject(new Error(`${response.statusCode}`)),
      )
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

async function acceptRate(urls: string[], path: (name: string) => string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const body = JSON.stringify({ text })
  const all = Array.from({ length: requests }, (_, i) => i)
  const shoot = (i: number) =>
    post(agent, `${urls[i % urls.length]}${path(containers[i % containers.length] ?? '')}`, body)
  await eachOf(all.slice(0, 200), inFlight, shoot)
  const startedAt = performance.now()
  await eachOf(all, inFlight, shoot)
  const rate = (requests / (performance.now() - startedAt)) * 1000
  agent.destroy()
  return rate
}

const measurements = {
  'accept, bare fastify + queue.add': (pods: number) =>
    measured(async (t) => {
      const redis = await startRedis(t)
      const bare = await Promise.all(Array.from({ length: pods }, () => startBare(t, redis.url, 'accept')))
      return acceptRate(
        bare.map(({ line }) => line),
        (name) => `/${name}`,
      )
    }),
  'accept, Baton': (pods: number) =>
    measured(async (t) => {
      const redis = await startRedis(t)
      const services = await startPods(t, redis, pods, { QUEUE_LIMIT: '100000' })
      const urls = services.map(({ url }) => url)
      const client = createClient(urls[0] ?? '')
      for (const name of containers) {
        await client.register(name)
        await client.call('POST', `/v1/containers/${name}/queue/pause`)
      }
      return acceptRate(urls, (name) => `/v1/containers/${name}/instructions`)
    }),
  'run, bare BullMQ workers': (pods: number) =>
    measured(async (t) => {
      const server = await startRedis(t)
      const redis = new Redis(server.url, { maxRetriesPerRequest: null })
      t.after(() => redis.disconnect())
      const queues = containers.map((name) => new Queue(name, { connection: redis }))
      for (const queue of queues) {
        await queue.setGlobalConcurrency(1)
        await queue.addBulk(Array.from({ length: each }, () => ({ name: 'instruction', data: { text } })))
      }
      const bare = await Promise.all(Array.from({ length: pods }, () => startBare(t, server.url, 'work')))
      const startedAt = performance.now()
      for (const { child } of bare) child.kill('SIGUSR2')
      await until(
        'all have run',
        async () => (await Promise.all(queues.map((queue) => queue.count()))).every((count) => count === 0),
        patienceMs,
      )
      return ((containers.length * each) / (performance.now() - startedAt)) * 1000
    }),
  'run, Baton': (pods: number) =>
    measured(async (t) => {
      const server = await startRedis(t)
      const redis = new Redis(server.url)
      t.after(() => redis.disconnect())
      const services = await startPods(t, server, pods)
      const clients = services.map(({ url }) => createClient(url))
      const jobs = containers.map((name, i) => ({ name, client: clients[i % clients.length] }))
      await eachOf(jobs, 8, async ({ name, client }) => {
        await client?.register(name)
        // Its pod owns it and its agent is there: what is measured are instructions, not starts.
        const warm = await client?.submit(name, 'warm up')
        await client?.waitFor(name, warm?.id ?? '', 'succeeded', 60_000)
        await client?.call('POST', `/v1/containers/${name}/queue/pause`)
        for (let n = 0; n < each; n += 1) await client?.submit(name, text)
      })
      const startedAt = performance.now()
      await eachOf(jobs, 50, async ({ name, client }) =>
        client?.call('POST', `/v1/containers/${name}/queue/resume`),
      )
      await until('all have run', async () => (await redis.scard(`${keyPrefix}:work`)) === 0, patienceMs)
      return ((containers.length * each) / (performance.now() - startedAt)) * 1000
    }),
}

console.log('| pods | what | per second, median of rounds (min-max) |')
console.log('|---|---|---|')
for (const pods of podCounts) {
  const rates = new Map<string, number[]>()
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, measure] of Object.entries(measurements)) {
      console.error(`${pods} pods, round ${round + 1}: ${name}`)
      rates.set(name, [...(rates.get(name) ?? []), await measure(pods)])
    }
  }
  const medians = new Map<string, number>()
  for (const [name, values] of rates) {
    const sorted = values.toSorted((a, b) => a - b).map(Math.round)
    const median = sorted[Math.floor(sorted.length / 2)] ?? 0
    medians.set(name, median)
    console.log(`| ${pods} | ${name} | ${median} (${sorted[0]}-${sorted.at(-1)}) |`)
  }
  const ratio = (own: string, bare: string) => ((medians.get(own) ?? 0) / (medians.get(bare) ?? 1)).toFixed(2)
  console.log(
    `| ${pods} | accept: Baton / bare | ${ratio('accept, Baton', 'accept, bare fastify + queue.add')} |`,
  )
  console.log(`| ${pods} | run: Baton / bare | ${ratio('run, Baton', 'run, bare BullMQ workers')} |`)
}
