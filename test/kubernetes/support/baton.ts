import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/client.ts'
import { helm, kubectl, read } from './commands.ts'
import { isReady, listPods } from './pods.ts'

/** What every test of the cluster needs; without it they are skipped and say so. */
export const skip =
  process.env.BATON_TEST_CLUSTER === undefined &&
  'scripts/test-cluster.sh runs this on a cluster of your choice'

export const chart = process.env.CHART ?? fileURLToPath(new URL('../../../helm', import.meta.url))
export const image = process.env.IMAGE ?? 'docker.io/baton/baton:dev'
export const release = 'baton-test'

interface Service {
  spec: { clusterIP: string; ports: { name: string; port: number; nodePort?: number }[] }
}
interface Node {
  status: { addresses: { type: string; address: string }[] }
}
interface Secrets {
  items: { metadata: { name: string }; data?: Record<string, string> }[]
}

/** One caller sends the whole load. */
const unlimited = ['--set', 'config.RATE_LIMIT_PER_MINUTE=0']

export const imageValues = () => {
  const at = image.lastIndexOf(':')
  return [
    '--set',
    `image.repository=${image.slice(0, at)}`,
    '--set-string',
    `image.tag=${image.slice(at + 1)}`,
  ]
}

/** A namespace of this test's own that enforces the restricted Pod Security Standard. */
export async function createNamespace(t: TestContext, name: string) {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--timeout=180s')
  await kubectl('create', 'namespace', name)
  await kubectl('label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted')
  t.after(async () => {
    if (process.env.KEEP === undefined)
      await kubectl('delete', 'namespace', name, '--ignore-not-found', '--timeout=300s')
  })
  return name
}

/** Installs the chart and waits for its pods. */
export async function install(t: TestContext, namespace: string, values: string[] = []) {
  await createNamespace(t, namespace)
  const startedAt = performance.now()
  await helm(
    '-n',
    namespace,
    'install',
    release,
    chart,
    ...imageValues(),
    ...unlimited,
    ...values,
    '--wait',
    '--timeout',
    '5m',
  )
  const installMs = performance.now() - startedAt
  const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/name=baton`
  return {
    namespace,
    selector,
    installMs,
    deployment: `deployment/${release}`,
    base: await reach(namespace),
    token: await readToken(namespace),
    pods: () => listPods(namespace, selector),
    readyPods: async () => (await listPods(namespace, selector)).filter(isReady),
  }
}

export type Installed = Awaited<ReturnType<typeof install>>

/** The address of the Service as seen from here: its own inside the cluster's network, else a node's port. */
export async function reach(namespace: string, ms = 60_000): Promise<string> {
  const { spec } = await read<Service>('-n', namespace, 'get', 'service', release)
  const { items: nodes } = await read<{ items: Node[] }>('get', 'nodes')
  const [port] = spec.ports
  const hosts = nodes.flatMap(({ status }) =>
    status.addresses.filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  )
  const candidates = [
    `http://${spec.clusterIP}:${port?.port}`,
    ...(port?.nodePort === undefined ? [] : hosts.map((host) => `http://${host}:${port.nodePort}`)),
  ]
  return until(
    `the Service answers on one of ${candidates.join(', ')}`,
    async () => {
      for (const candidate of candidates) {
        const signal = AbortSignal.timeout(2000)
        const answer = await fetch(`${candidate}/livez`, { signal }).catch(() => undefined)
        if (answer?.ok === true) return candidate
      }
      return undefined
    },
    ms,
  )
}

/** The token that the chart made, if it made one. */
export async function readToken(namespace: string): Promise<string | undefined> {
  const { items } = await read<Secrets>(
    '-n',
    namespace,
    'get',
    'secrets',
    '-l',
    `app.kubernetes.io/instance=${release}`,
  )
  const values = items.flatMap(({ data = {} }) => Object.entries(data))
  const found = values.find(([key]) => /token/i.test(key))?.[1]
  return found === undefined ? undefined : Buffer.from(found, 'base64').toString().split(/[\s:]/)[0]
}
