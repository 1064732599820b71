import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { until } from './client.ts'
import type { Cluster, Pod } from './cluster.ts'

export interface Refusal {
  status: number
  retryAfter: string | null
}

/**
 * Submits all the time, to one pod after the other, a container of its own; notes what was accepted and what was
 * refused. One that got no answer at all may run or not.
 */
export function submitAllTheTime(
  cluster: Cluster,
  containerId: string,
  { everyMs = 100, text = 'hello' } = {},
) {
  const refusals: Refusal[] = []
  const stopping = new AbortController()
  let acceptedCount = 0

  async function submitTo(pod: Pod) {
    const path = `/v1/containers/${containerId}/instructions`
    const answer = await pod.client.call('POST', path, { text })
    if (answer.status === 202) {
      acceptedCount += 1
      return cluster.accept(containerId, (answer.body as { id: string }).id)
    }
    refusals.push({ status: answer.status, retryAfter: answer.headers.get('retry-after') })
  }

  async function go() {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const pod = cluster.pods[turn % cluster.pods.length]
      if (pod !== undefined) await submitTo(pod)
      await setTimeout(everyMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  const going = go()
  return {
    refusals,
    accepted: () => acceptedCount,
    async stop() {
      stopping.abort()
      await going
    },
  }
}

/** A fault while instructions run and others come in: what was accepted runs once, the rest is refused with 503. */
export async function withLoad(cluster: Cluster, name: string, fault: () => Promise<void>) {
  const names = ['one', 'two', 'three'].map((suffix) => `${name}-${suffix}`)
  for (const [i, containerId] of names.entries()) {
    const via = cluster.pods[i]
    assert.ok(via)
    await cluster.register(containerId)
    for (const text of ['sleep 1s', 'sleep 200ms', 'third']) await cluster.submit(containerId, text, { via })
  }
  await cluster.register(`${name}-load`)
  const load = submitAllTheTime(cluster, `${name}-load`)
  await until('the load runs', () => load.accepted() >= 3)
  await fault()
  const backAt = Date.now()
  const before = load.accepted()
  await until('submissions are accepted again', () => load.accepted() > before, 30_000)
  const acceptedMs = Date.now() - backAt
  await until('all pods are ready', () => cluster.proxy.ready() === cluster.pods.length, 30_000)
  const readyMs = Date.now() - backAt
  await load.stop()
  for (const refusal of load.refusals) {
    assert.equal(refusal.status, 503)
    assert.ok(refusal.retryAfter, 'a refusal says when to come back')
  }
  return { acceptedMs, readyMs, refused: load.refusals.length, accepted: load.accepted() }
}
