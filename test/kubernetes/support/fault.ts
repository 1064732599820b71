import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { PodView } from '../../../src/ownership/pods.ts'
import { createClient, until } from '../../support/client.ts'
import { type Installed, reach } from './baton.ts'
import { assertClean, audit, readLedger } from './ledger.ts'
import { containersOf } from './rollout.ts'
import { startWatchers } from './watchers.ts'

/** Long enough to be cut off, and one behind it that shows that the queue goes on. */
const texts = ['sleep 12s then say first', 'sleep 1s then say second']
const finishMs = 180_000
/** Of a heartbeat. */
const expiryMs = 3000

/** Containers with running instructions, spread over the pods; then something breaks, and everything must end well. */
export async function startWork(t: TestContext, { base, token, namespace, readyPods }: Installed) {
  const containers = containersOf(10)
  const client = createClient(base, token)
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const accepted = new Map<string, string>()
  for (const container of containers) {
    await client.register(container)
    for (const text of texts) accepted.set((await client.submit(container, text)).id, container)
  }
  const watchers = startWatchers(base, { containers, count: containers.length, token })
  t.after(watchers.stop)
  await until('every container runs', async () => {
    const states = await Promise.all(
      containers.map(async (container) => (await queueOf(container)).running !== null),
    )
    return states.every(Boolean)
  })

  async function queueOf(container: string) {
    return (await client.call('GET', `/v1/containers/${container}/queue`)).body as {
      running: { id: string } | null
      items: object[]
    }
  }

  return {
    client,
    containers,
    /** The pods that own something, by the name that Kubernetes gives them, and what they own. */
    async owners(): Promise<Map<string, string[]>> {
      const { items } = (await client.call('GET', '/v1/pods')).body as { items: PodView[] }
      const owning = items.filter(({ containers: owned }) => owned.length > 0)
      // A pod's id is its name and six letters of this start.
      return new Map(owning.map(({ pod, containers: owned }) => [pod.replace(/-[0-9a-f]{6}$/, ''), owned]))
    },
    /** Follows a pod's heartbeat until it is silent; gives the time of the last one. */
    async lastHeartbeat(name: string): Promise<number> {
      let last = 0
      await until(
        `${name} is silent`,
        async () => {
          // The Service may still send some to a node that is gone: those never get an answer.
          const signal = AbortSignal.timeout(1000)
          const answer = await fetch(`${base}/v1/pods`, { headers, signal }).catch(() => undefined)
          if (answer?.ok !== true) return false
          const { items } = (await answer.json()) as { items: PodView[] }
          const found = items.find(({ pod }) => pod.startsWith(`${name}-`))
          const expiresInMs = found?.expiresInMs ?? 0
          if (expiresInMs > 0) last = Date.now() + expiresInMs - expiryMs
          return last > 0 && expiresInMs <= 0
        },
        60_000,
      )
      return last
    },
    /** Milliseconds from `since` to the moment when the last of these containers ran again. */
    async restartedAfter(since: number, among: string[]): Promise<number> {
      const starts = among.map((container) =>
        until(
          `${container} runs again`,
          () => {
            const seen = watchers.watchers[containers.indexOf(container)]?.events ?? []
            const start = seen.find(
              ({ type, time }) => type === 'instruction.started' && Date.parse(time) > since,
            )
            return start && Date.parse(start.time) - since
          },
          finishMs,
        ),
      )
      return Math.max(...(await Promise.all(starts)))
    },
    /** Waits for the end of everything and compares ledger, events and what was accepted. */
    async settle() {
      await until(
        'every instruction has ended',
        async () => {
          const queues = await Promise.all(
            containers.map((container) => queueOf(container).catch(() => null)),
          )
          return queues.every((queue) => queue?.running === null && queue.items.length === 0)
        },
        finishMs,
      )
      await reach(namespace)
      const [pod] = await until('a ready pod', async () => {
        const pods = await readyPods()
        return pods.length > 0 && pods
      })
      const found = audit(await readLedger(namespace, pod?.metadata.name ?? ''), accepted)
      assertClean(found)
      for (const [id, container] of accepted)
        assert.equal((await client.instruction(container, id)).state, 'succeeded')
      for (const { gaps, repeats } of watchers.watchers)
        assert.deepEqual({ gaps, repeats }, { gaps: [], repeats: [] })
      return found
    },
  }
}
