import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Redis } from 'ioredis'
import { decodeEntry } from '../../src/journal/entry.ts'
import type { JournalEvent } from '../../src/journal/event.ts'
import { keyPrefix } from '../../src/journal/scripts.ts'
import { watchAgents } from './agents.ts'
import { type Client, createClient, until } from './client.ts'
import { type Follower, follow } from './follower.ts'
import { type TestLink, startLink } from './link.ts'
import { startProxy } from './proxy.ts'
import { type TestRedis, startRedis } from './redis.ts'
import { type StartOptions, type TestService, startService } from './service.ts'

export interface Pod {
  name: string
  service: TestService
  client: Client
  /** This pod's own way to Redis. */
  link: TestLink
}

interface PodState {
  pod: string
  state: string
  containers: string[]
}

export type ClusterOptions = Pick<StartOptions, 'env' | 'entry'> & { pods?: number; redis?: TestRedis }

/**
 * Several real processes of the service on one real Redis and one directory of workspaces, each with an own data
 * directory and an own way to Redis, behind one address that follows their readiness.
 */
export async function startCluster(t: TestContext, options: ClusterOptions = {}) {
  const { pods: count = 3, env = {}, entry } = options
  const redis = options.redis ?? (await startRedis(t))
  const workspacesDir = await mkdtemp(join(tmpdir(), 'baton-workspaces-'))
  t.after(() => rm(workspacesDir, { recursive: true, force: true, maxRetries: 5 }))
  const proxy = await startProxy(t)
  const looker = new Redis(redis.url, { connectionName: 'test-looker' })
  looker.on('error', () => {})
  t.after(() => looker.disconnect())
  const agents = watchAgents(t, workspacesDir)
  const pods: Pod[] = []
  const accepted = new Map<string, string[]>()
  /** Accepted, but not to run to their end: a crash quarantined them, or they were cancelled. */
  const unfinished = new Set<string>()
  const followers: Follower[] = []
  let started = 0

  /** A new pod: name and data are its own, as of a pod that a Deployment starts. */
  async function addPod(more: Record<string, string> = {}): Promise<Pod> {
    started += 1
    const name = `pod-${started}`
    const link = await startLink(t, redis.port)
    const service = await startService(t, {
      redis: { url: link.url },
      env: {
        POD_NAME: name,
        WORKSPACES_DIR: workspacesDir,
        RECOVERY_DELAY_SECONDS: '0.2',
        RATE_LIMIT_PER_MINUTE: '0',
        ...env,
        ...more,
      },
      ...(entry === undefined ? {} : { entry }),
    })
    const pod = { name, service, link, client: createClient(service.url) }
    pods.push(pod)
    await proxy.add(service.url)
    return pod
  }

  function forget(pod: Pod) {
    const index = pods.indexOf(pod)
    if (index >= 0) pods.splice(index, 1)
  }

  async function states(from: Pod): Promise<PodState[]> {
    const { items }: { items: PodState[] } = (await from.client.call('GET', '/v1/pods')).body
    return items
  }

  async function ownerOf(containerId: string): Promise<Pod> {
    const owner = (await looker.hget(`${keyPrefix}:owners`, containerId)) ?? ''
    const pod = pods.find(({ name }) => owner.startsWith(`${name}-`))
    if (pod === undefined) assert.fail(`no pod of this test owns ${containerId}, but "${owner}"`)
    return pod
  }

  /** Redis's own record, for what has to be known when no pod can be asked. */
  async function journal(containerId?: string): Promise<JournalEvent[]> {
    const entries = await looker.xrange(`${keyPrefix}:journal`, '-', '+')
    const events = entries.map(([id, fields]) => decodeEntry(id, fields).event)
    return containerId === undefined ? events : events.filter((event) => event.containerId === containerId)
  }

  function accept(containerId: string, id: string) {
    const ids = accepted.get(containerId) ?? []
    ids.push(id)
    accepted.set(containerId, ids)
  }

  await Promise.all(Array.from({ length: count }, () => addPod()))

  return {
    redis,
    looker,
    proxy,
    pods,
    workspacesDir,
    agents,
    accepted,
    unfinished,
    followers,
    addPod,
    states,
    ownerOf,
    /** Any other pod than this one. */
    other(pod: Pod): Pod {
      const found = pods.find((one) => one !== pod)
      if (found === undefined) assert.fail('there is no other pod')
      return found
    },
    forget,
    /** Ends a pod at once, with its agents or without. Answers when it was. */
    async kill(pod: Pod, { leavesAgents = false } = {}): Promise<number> {
      const killAgents = leavesAgents ? () => {} : agents.killOf(pod.service.pid)
      const at = Date.now()
      pod.service.signal('SIGKILL')
      killAgents()
      forget(pod)
      proxy.remove(pod.service.url)
      await pod.service.exited
      return at
    },
    /** Registers a container with a client that follows it through the proxy. */
    async register(containerId: string, client = pods[0]?.client) {
      await client?.register(containerId)
      followers.push(follow(t, proxy.url, containerId))
    },
    accept,
    async submit(containerId: string, text: string, more: { via?: Pod; resumePolicy?: string } = {}) {
      const { via = pods[0], ...rest } = more
      if (via === undefined) assert.fail('no pod lives')
      const { id } = await via.client.submit(containerId, text, rest)
      accept(containerId, id)
      return id
    },
    journal,
    /** The first start of an instruction after `since`, Redis time. */
    startedSince: (containerId: string, id: string, since: number, ms = 15_000) =>
      until(
        `${id} starts in ${containerId}`,
        async () =>
          (await journal(containerId)).find(
            ({ type, instructionId, time }) =>
              type === 'instruction.started' && instructionId === id && Date.parse(time) >= since,
          ),
        ms,
      ),
  }
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>
