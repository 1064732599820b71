import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createClient, until } from '../../support/client.ts'
import { type Installed, install } from './baton.ts'
import { kubectl } from './commands.ts'
import { createCounter, startReads } from './http-load.ts'
import { startInstructions } from './instruction-load.ts'
import { audit, readLedger } from './ledger.ts'
import { watchPods } from './pods.ts'
import { handOffs, startWatchers } from './watchers.ts'

const readsPerSecond = Number(process.env.READS_PER_SECOND ?? 40)
const containerCount = 20
const socketCount = 50
/** The longest instruction, a hand-off and a busy machine. */
const finishMs = 300_000

export const containersOf = (count = containerCount) =>
  Array.from({ length: count }, (_, index) => `c-${index + 1}`)

/** Reads, submits, sockets and instructions on every container, from now on until it is stopped. */
export async function startLoad(t: TestContext, { base, token, namespace, selector, readyPods }: Installed) {
  const containers = containersOf()
  const client = createClient(base, token)
  for (const container of containers) await client.register(container)
  const counter = createCounter()
  const watchers = startWatchers(base, { containers, count: socketCount, token })
  const paths = containers.flatMap((container) => [
    `/v1/containers/${container}`,
    `/v1/containers/${container}/instructions?limit=20`,
    `/v1/containers/${container}/events?afterSeq=0&limit=50`,
  ])
  const reads = startReads(base, { perSecond: readsPerSecond, paths, token, counter })
  const instructions = startInstructions(base, { containers, token, counter })
  const pods = watchPods(t, namespace, selector)
  let isStopped = false

  /** Ends the load, lets everything finish, and compares what was accepted, what ran and what was seen. */
  async function stop() {
    isStopped = true
    await Promise.all([instructions.stop(), reads.stop()])
    await until('every instruction has ended', () => isIdle(client, containers), finishMs)
    const heads = new Map<string, number>()
    for (const container of containers)
      heads.set(container, (await client.events(container)).at(-1)?.seq ?? 0)
    await until('every client has every event', () =>
      watchers.watchers.every(
        ({ events }, index) => (events.at(-1)?.seq ?? 0) >= (heads.get(watchers.containerOf(index)) ?? 0),
      ),
    ).catch(() => {})
    await Promise.all([watchers.stop(), pods.stop()])

    const [pod] = await readyPods()
    const found = audit(await readLedger(namespace, pod?.metadata.name ?? ''), instructions.accepted)
    const seen = watchers.watchers
    const perContainer = new Map(seen.map(({ events }, index) => [watchers.containerOf(index), events]))
    const waits = [...perContainer.values()].flatMap(handOffs)
    const behind = seen.filter(
      ({ events }, index) => (events.at(-1)?.seq ?? 0) < (heads.get(watchers.containerOf(index)) ?? 0),
    )
    return {
      requests: counter.requests(),
      failures: counter.failures,
      slowestMs: Math.round(counter.slowestMs()),
      accepted: instructions.accepted.size,
      audit: found,
      handedBack: waits.length,
      longestHandOffMs: Math.max(0, ...waits),
      sockets: seen.length,
      reconnects: seen.reduce((sum, { reconnects }) => sum + reconnects, 0),
      gaps: seen.flatMap(({ gaps }) => gaps),
      repeats: seen.flatMap(({ repeats }) => repeats),
      behind: behind.length,
      ended: pods.ended(),
    }
  }
  t.after(() => (isStopped ? undefined : Promise.all([instructions.stop(), reads.stop(), watchers.stop()])))
  return { stop, pods, counter, containers, client }
}

async function isIdle(client: ReturnType<typeof createClient>, containers: string[]) {
  for (const container of containers) {
    const { running, items } = (await client.call('GET', `/v1/containers/${container}/queue`)).body as {
      running: object | null
      items: object[]
    }
    if (running !== null || items.length > 0) return false
  }
  return true
}

/** Restarts the Deployment under load; the load goes on until no pod is terminating. */
export async function measureRollouts(t: TestContext, namespace: string, values: string[], count: number) {
  const baton = await install(t, namespace, values)
  const load = await startLoad(t, baton)
  await setTimeout(5000)
  const rollout = (...args: string[]) => kubectl('-n', namespace, 'rollout', ...args, baton.deployment)
  for (let index = 1; index <= count; index += 1) {
    await rollout('restart')
    await rollout('status', '--timeout=180s')
    await until('no pod is terminating', () => load.pods.terminating().length === 0, 180_000)
    t.diagnostic(
      `rollout ${index}: ${load.counter.requests()} requests, ${load.counter.failures.length} failed`,
    )
  }
  return { ...(await load.stop()), rollouts: count, installMs: baton.installMs }
}

export type Measured = Awaited<ReturnType<typeof measureRollouts>>
