/**
 * What do 5,000 WebSockets cost the service? `node bench/sockets.ts [sockets]` starts a Redis and a service, opens the
 * sockets from this process, and prints the service's memory: idle, after an event for all, and when nobody reads.
 */
import { execFileSync } from 'node:child_process'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { createClient, until } from '../test/support/client.ts'
import { startRedis } from '../test/support/redis.ts'
import { startService } from '../test/support/service.ts'

const count = Number(process.argv[2] ?? 5000)
const settleMs = 5000
const cleanups: (() => unknown)[] = []
// The test support asks for nothing else of its test.
const t = { after: (cleanup: () => unknown) => cleanups.push(cleanup) } as unknown as TestContext

const rssMb = (pid: number) =>
  Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1024)

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

try {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { QUEUE_LIMIT: '1000' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const warm = await client.submit('c-1', 'warm up')
  await client.waitFor('c-1', warm.id, 'succeeded')
  await setTimeout(settleMs)
  const base = rssMb(service.pid)

  let live = 0
  let ends = 0
  let onText: ((text: string) => void) | undefined
  const open = () =>
    new Promise<WebSocket>((resolve, reject) => {
      const socket = new WebSocket(`${service.url.replace('http', 'ws')}/claude-daemon`)
      socket.on('message', (data) => {
        const text = (data as Buffer).toString()
        if (text.startsWith('{"op":"live"')) live += 1
        onText?.(text)
      })
      socket.on('close', () => {
        ends += 1
      })
      socket.once('error', reject)
      socket.once('open', () => {
        socket.send('{"op":"subscribe","containerId":"c-1"}')
        resolve(socket)
      })
    })
  const sockets: WebSocket[] = []
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 50 }, open))))
  await until('all are live', () => live === count, 60_000)
  await setTimeout(settleMs)
  const idle = rssMb(service.pid)

  let heard = 0
  const startedAt = performance.now()
  onText = (text) => {
    if (text.includes('"type":"agent.message"')) heard += 1
  }
  await client.submit('c-1', 'say to all')
  await until('all have heard both messages', () => heard === 2 * count, 60_000)
  const fanOutMs = Math.round(performance.now() - startedAt)
  const afterEvent = rssMb(service.pid)

  // Nobody reads any more, and the agent says 60 MB.
  onText = undefined
  for (const socket of sockets) socket.on('error', () => {}).pause()
  let peak = 0
  let unread = 0
  const ids: string[] = []
  for (let n = 0; n < 60; n += 1) ids.push((await client.submit('c-1', 'bytes 1000000')).id)
  const last = ids.at(-1) ?? ''
  await until(
    'all is said',
    async () => {
      peak = Math.max(peak, rssMb(service.pid))
      unread = Math.max(unread, await metric(service.url, 'baton_unread_bytes'))
      return (await client.instruction('c-1', last)).state === 'succeeded'
    },
    300_000,
  )
  const left = await metric(service.url, 'baton_websocket_connections')
  const perSocketKb = (((idle - base) * 1024) / count).toFixed(1)
  console.log(`sockets                    ${count}`)
  console.log(`service without sockets    ${base} MB`)
  console.log(`all idle                   ${idle} MB, ${perSocketKb} KB a socket`)
  console.log(`2 events for all           ${fanOutMs} ms from the submit, ${afterEvent} MB`)
  console.log(`nobody reads 60 MB         ${peak} MB at the peak, ${Math.round(unread / 2 ** 20)} MB unread`)
  console.log(`sockets after that         ${left}, closed here ${ends}`)
  for (const socket of sockets) socket.terminate()
} finally {
  for (const cleanup of cleanups.toReversed()) await cleanup()
}
