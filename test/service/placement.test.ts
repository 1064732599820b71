import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createClient, until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

interface Pod {
  pod: string
  state: string
  containers: string[]
}

async function startPods(t: TestContext, count: number, env: Record<string, string>) {
  const redis = await startRedis(t)
  const workspaces = await mkdtemp(join(tmpdir(), 'baton-workspaces-'))
  t.after(() => rm(workspaces, { recursive: true, force: true }))
  const names = Array.from({ length: count }, (_, i) => `pod-${i + 1}`)
  const services = await Promise.all(
    names.map((POD_NAME) =>
      startService(t, { redis, env: { POD_NAME, WORKSPACES_DIR: workspaces, ...env } }),
    ),
  )
  return services.map((service) => {
    const client = createClient(service.url)
    /** What each pod owns, as this one tells it; keys are the names without the process's own suffix. */
    async function owned() {
      const { items } = (await client.call('GET', '/v1/pods')).body as { items: Pod[] }
      return new Map(items.map(({ pod, state, containers }) => [pod.slice(0, 5), { state, containers }]))
    }
    return { service, client, owned }
  })
}

test('a full pod gives up what is idle, and more containers than it may own are served one after the other', async (t) => {
  const [pod] = await startPods(t, 1, { MAX_CONTAINERS_PER_POD: '1' })
  assert.ok(pod)
  const { client, owned } = pod
  for (const containerId of ['a', 'b', 'c']) {
    await client.register(containerId)
    const { id } = await client.submit(containerId, 'hello')
    await client.waitFor(containerId, id, 'succeeded')
  }
  assert.deepEqual((await owned()).get('pod-1'), { state: 'running', containers: ['c'] })
})

test('what a full pod accepts runs on another one', async (t) => {
  const [first, second] = await startPods(t, 2, { MAX_CONTAINERS_PER_POD: '1' })
  assert.ok(first && second)
  const { client } = first
  const running = []
  for (const containerId of ['a', 'b']) {
    await client.register(containerId)
    const { id } = await client.submit(containerId, 'sleep 60s')
    await client.waitFor(containerId, id, 'running')
    running.push(`/v1/containers/${containerId}/instructions/${id}/cancel`)
  }
  const owned = await second.owned()
  assert.deepEqual(owned.get('pod-1')?.containers, ['a'])
  assert.deepEqual(owned.get('pod-2')?.containers, ['b'])
  for (const path of running) assert.equal((await second.client.call('POST', path)).status, 200)
})

test('the pod that accepts an instruction owns its container, also for what others accept later', async (t) => {
  const [first, second] = await startPods(t, 2, {})
  assert.ok(first && second)
  for (const [containerId, { client }] of [
    ['a', first],
    ['b', second],
  ] as const) {
    await client.register(containerId)
    const { id } = await client.submit(containerId, 'hello')
    await client.waitFor(containerId, id, 'succeeded')
  }
  const { id } = await second.client.submit('a', 'again')
  await first.client.waitFor('a', id, 'succeeded')
  assert.deepEqual((await first.owned()).get('pod-1')?.containers, ['a'])
  assert.deepEqual((await first.owned()).get('pod-2')?.containers, ['b'])
})

test('a draining pod shows itself, gives its idle containers up at once and still accepts', async (t) => {
  const [first, second] = await startPods(t, 2, { DRAIN_SECONDS: '4' })
  assert.ok(first && second)
  await first.client.register('idle')
  const { id } = await first.client.submit('idle', 'hello')
  await first.client.waitFor('idle', id, 'succeeded')
  first.service.signal('SIGTERM')
  await until('the container is free', async () => {
    const pod = (await second.owned()).get('pod-1')
    return pod?.state === 'draining' && pod.containers.length === 0
  })
  const late = await first.client.submit('idle', 'accepted while draining')
  await second.client.waitFor('idle', late.id, 'succeeded')
  assert.deepEqual((await second.owned()).get('pod-2')?.containers, ['idle'])
  assert.equal((await first.service.exited).code, 0)
  const { items } = (await second.client.call('GET', '/v1/pods')).body as {
    items: { pod: string; state: string; report: { exitCode?: number } | null }[]
  }
  const stopped = items.find(({ pod }) => pod.startsWith('pod-1'))
  assert.equal(stopped?.state, 'stopped')
  assert.ok(stopped.report)
})

test('a container without work and without an agent is given up after a while', async (t) => {
  const [pod] = await startPods(t, 1, { WORKER_IDLE_SECONDS: '0.5', DAEMON_IDLE_MINUTES: '0.01' })
  assert.ok(pod)
  const { client, owned } = pod
  await client.register('a')
  const { id } = await client.submit('a', 'hello')
  await client.waitFor('a', id, 'succeeded')
  await until('it is given up', async () => (await owned()).get('pod-1')?.containers.length === 0)
  const again = await client.submit('a', 'again')
  await client.waitFor('a', again.id, 'succeeded')
})
