/** What containers cost that nobody uses: connections to Redis, memory and CPU, with 200 busy ones and without. */
import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createClient, until } from '../test/support/client.ts'
import { startRedis } from '../test/support/redis.ts'
import { eachOf, measured, option, startPods } from './scope.ts'

const known = Number(option('known', '10000'))
const busy = Number(option('busy', '200'))
const podCount = Number(option('pods', '1'))
const observedSeconds = Number(option('seconds', '10'))
/** Clock ticks of /proc. */
const ticksPerSecond = 100

const cpuSeconds = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
const residentMb = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

await measured(async (t) => {
  const server = await startRedis(t)
  const looker = new Redis(server.url)
  t.after(() => looker.disconnect())
  const pods = await startPods(t, server, podCount)
  const clients = pods.map(({ url }) => createClient(url))
  const pids = [...pods.map(({ pid }) => pid), server.pid()]
  const [client] = clients
  if (client === undefined) throw new Error('no pod')

  async function observe(what: string) {
    const before = pids.map(cpuSeconds)
    await setTimeout(observedSeconds * 1000)
    const shares = pids.map((pid, i) => ((cpuSeconds(pid) - (before[i] ?? 0)) / observedSeconds) * 100)
    const connections =
      String(await looker.client('LIST'))
        .trim()
        .split('\n').length - 1
    const usedMb = Number(/used_memory:(\d+)/.exec(await looker.info('memory'))?.[1]) / 1024 / 1024
    const row = [
      what,
      connections,
      pods.map(({ pid }) => residentMb(pid).toFixed(0)).join(' + '),
      usedMb.toFixed(1),
      shares
        .slice(0, -1)
        .map((share) => share.toFixed(1))
        .join(' + '),
      (shares.at(-1) ?? 0).toFixed(1),
    ]
    console.log(`| ${row.join(' | ')} |`)
  }

  console.log(
    '| containers | Redis connections | RSS of the pods, MB | Redis memory, MB | CPU of the pods, % | CPU of Redis, % |',
  )
  console.log('|---|---|---|---|---|---|')
  await observe('none')
  const names = Array.from({ length: known }, (_, i) => `c-${i}`)
  await eachOf(names, 32, (name) => client.register(name))
  await until('all are known', async () => (await looker.scard('{baton}:containers')) === known)
  await observe(`${known} known`)
  const working = names.slice(0, busy)
  await eachOf(working, 8, async (name) => {
    const via = clients[Number(name.slice(2)) % clients.length]
    const { id } = (await via?.submit(name, 'hold')) ?? { id: '' }
    await via?.waitFor(name, id, 'running', 120_000)
  })
  await observe(`${known} known, ${busy} busy`)
})
