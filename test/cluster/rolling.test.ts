import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type Cluster, type Pod, startCluster } from '../support/cluster.ts'
import { createClient } from '../support/client.ts'
import { assertPromises } from '../support/promises.ts'

const rounds = 5
const containers = ['a', 'b', 'c', 'd', 'e', 'f']
const drainSeconds = 1.5
const budgetSeconds = 2
/** Every twentieth outlives a shutdown: it is handed back wherever it meets one. */
const textOf = (n: number) => (n % 20 === 10 ? `sleep ${drainSeconds + budgetSeconds + 0.5}s` : 'sleep 50ms')

interface Report {
  exitCode: number
  instructions: { finished: number; handedBack: number; lost: number }
  lateRequests: number
}

/** Requests without a retry: one that fails is written down with all that is known of it. */
function createLoad(cluster: Cluster) {
  const client = createClient(cluster.proxy.url)
  const failures: string[] = []
  const stopping = new AbortController()
  let requests = 0

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T | undefined> {
    requests += 1
    try {
      const answer = await client.call(method, path, body)
      if (answer.status < 300) return answer.body
      failures.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    } catch (error) {
      failures.push(`${method} ${path}: ${String(error)} ${String((error as Error).cause)}`)
    }
    return undefined
  }

  const pause = (ms: number) => setTimeout(ms, undefined, { signal: stopping.signal }).catch(() => {})

  async function submit(containerId: string, offset: number) {
    for (let n = offset; !stopping.signal.aborted; n += 1) {
      const path = `/v1/containers/${containerId}/instructions`
      const accepted = await ask<{ id: string }>('POST', path, { text: textOf(n) })
      if (accepted !== undefined) {
        cluster.accept(containerId, accepted.id)
        await ask('GET', `${path}/${accepted.id}`)
      }
      await pause(400)
    }
  }

  async function read(containerId: string) {
    while (!stopping.signal.aborted) {
      await ask('GET', `/v1/containers/${containerId}`)
      await ask('PUT', `/v1/containers/${containerId}`)
      await ask('GET', '/v1/pods')
      await pause(250)
    }
  }

  const going = Promise.all([
    ...containers.map((containerId, i) => submit(containerId, i * 3)),
    ...containers.map((containerId) => read(containerId)),
  ])
  return {
    failures,
    requests: () => requests,
    async stop() {
      stopping.abort()
      await going
    },
  }
}

test('three pods restarted one after the other, five times: no request fails, nothing is lost, doubled or missing', {
  timeout: 600_000,
}, async (t) => {
  const cluster = await startCluster(t, {
    env: { WORKERS_BUDGET_SECONDS: String(budgetSeconds), DRAIN_SECONDS: String(drainSeconds) },
  })
  for (const containerId of containers) await cluster.register(containerId)
  const load = createLoad(cluster)
  t.after(load.stop)
  const ended: Pod[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const old of cluster.pods.slice()) {
      // As a Deployment does it: the next one is ready before the old one is asked to go.
      await cluster.addPod()
      old.service.signal('SIGTERM')
      cluster.forget(old)
      ended.push(old)
    }
  }
  const exits = await Promise.all(ended.map(({ service }) => service.exited))
  await load.stop()
  const reports = ended.map(
    ({ service }) => service.lines.find(({ report }) => report !== undefined)?.report as Report | undefined,
  )
  const sum = (read: (report: Report) => number) =>
    reports.reduce((total, report) => total + (report === undefined ? 0 : read(report)), 0)
  t.diagnostic(
    JSON.stringify({
      restarts: ended.length,
      requests: load.requests(),
      failed: load.failures.length,
      accepted: [...cluster.accepted.values()].flat().length,
      handedBack: sum(({ instructions }) => instructions.handedBack),
      lateRequests: sum(({ lateRequests }) => lateRequests),
      reconnects: cluster.followers.reduce((total, follower) => total + follower.connections() - 1, 0),
    }),
  )
  assert.deepEqual(load.failures, [])
  assert.deepEqual(
    exits.map(({ code }) => code),
    exits.map(() => 0),
  )
  await assertPromises(cluster)
  assert.equal(
    sum(({ instructions }) => instructions.lost),
    0,
  )
  assert.ok(sum(({ instructions }) => instructions.handedBack) > 0, 'some were handed back')
})
