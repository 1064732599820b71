import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { install, release, skip } from './support/baton.ts'
import { execute, kubectl, read } from './support/commands.ts'
import { startWork } from './support/fault.ts'
import { type Pod, listPods } from './support/pods.ts'
import { record } from './support/record.ts'

const spread = ['--set', 'workspaces.accessMode=ReadWriteMany', '--set', 'service.type=NodePort']
/** A dead pod's heartbeat expires after 3 s; then the others claim, and start an agent. */
const expiryMs = 3000
const startMs = 2000
const timeout = 900_000

/** Breaks an owner; its containers must run elsewhere soon after its last heartbeat, and nothing may be lost. */
async function breakOwner(
  t: TestContext,
  name: string,
  work: Awaited<ReturnType<typeof startWork>>,
  { pod, owned, destroy }: { pod: string; owned: string[]; destroy(): Promise<unknown> },
) {
  const heartbeat = work.lastHeartbeat(pod)
  const since = Date.now()
  await destroy()
  const [restartedMs, last] = await Promise.all([work.restartedAfter(since, owned), heartbeat])
  const ms = since + restartedMs - last
  const found = await work.settle()
  t.diagnostic(
    `${owned.length} containers of ${pod} ran again ${ms} ms after its last heartbeat, ` +
      `${restartedMs} ms after the order; ${found.cutOff} cut off`,
  )
  await record(name, { containers: owned.length, ms, orderMs: restartedMs, cutOff: found.cutOff })
  assert.ok(ms <= expiryMs + startMs, `${ms} ms`)
}

async function anOwner(work: Awaited<ReturnType<typeof startWork>>) {
  const [[pod, owned] = assert.fail('nobody owns anything')] = await work.owners()
  return { pod, owned }
}

test('an owner that is deleted by force is taken over, nothing is lost', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-force', spread)
  const work = await startWork(t, baton)
  const { pod, owned } = await anOwner(work)
  const forced = ['--force', '--grace-period=0', '--wait=false']
  const destroy = () => kubectl('-n', baton.namespace, 'delete', 'pod', pod, ...forced)
  await breakOwner(t, 'force-delete', work, { pod, owned, destroy })
})

/** Ends Baton in its container: PID 1 is tini, which ends with it. */
const kill = `const { readdirSync, readFileSync } = require('node:fs')
for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
  const words = readFileSync('/proc/' + pid + '/cmdline', 'utf8').split('\\0')
  if (words[0].endsWith('node') && words[1]?.endsWith('src/main.ts')) process.kill(pid, 'SIGKILL')
}`

test('a process that is killed is taken over', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-kill', spread)
  const work = await startWork(t, baton)
  const { pod, owned } = await anOwner(work)
  const destroy = () => inPod(baton.namespace, pod, 'node', '-e', kill)
  await breakOwner(t, 'kill', work, { pod, owned, destroy })
})

test('a pod that runs out of memory is taken over, and comes back', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-oom', [...spread, '--set', 'resources.limits.memory=1Gi'])
  const work = await startWork(t, baton)
  const { pod, owned } = await anOwner(work)
  // Many small ones: the kernel ends the largest process of the pod, which is Baton.
  const fill = 'for i in $(seq 40); do head -c 30000000 /dev/zero | tail & done; wait'
  const destroy = () => inPod(baton.namespace, pod, 'sh', '-c', fill)
  await breakOwner(t, 'oom', work, { pod, owned, destroy })
  const { status } = await read<Pod>('-n', baton.namespace, 'get', 'pod', pod)
  assert.equal(status.containerStatuses?.[0]?.lastState?.terminated?.reason, 'OOMKilled')
})

test('a node that is drained hands everything over', { skip, timeout }, async (t) => {
  const { items: nodes } = await read<{ items: { metadata: { name: string } }[] }>('get', 'nodes')
  if (nodes.length < 2) return t.skip('the cluster has one node')
  const baton = await install(t, 'baton-drain', spread)
  const work = await startWork(t, baton)
  const owners = await work.owners()
  const pods = await listPods(baton.namespace, baton.selector)
  const victim = pods.find(({ metadata }) => owners.has(metadata.name))
  const node = victim?.spec.nodeName ?? assert.fail('no owner has a node')
  t.after(() => kubectl('uncordon', node))
  const selector = `--pod-selector=${baton.selector}`
  await kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data', selector, '--timeout=180s')
  const found = await work.settle()
  assert.equal(found.cutOff, 0)
  const left = await baton.readyPods()
  assert.ok(left.every(({ spec }) => spec.nodeName !== node))
  t.diagnostic(`${node} drained: ${found.facts} facts, none cut off`)
})

test('the Redis pod is deleted: nothing is lost, nothing runs twice', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-redis-gone', spread)
  const work = await startWork(t, baton)
  const redis = (await listPods(baton.namespace, `app.kubernetes.io/instance=${release}`)).find(
    ({ metadata }) => metadata.name.includes('redis'),
  )
  const since = Date.now()
  await kubectl('-n', baton.namespace, 'delete', 'pod', redis?.metadata.name ?? '', '--wait=false')
  const found = await work.settle()
  t.diagnostic(`everything ended ${Date.now() - since} ms after the order, ${found.cutOff} cut off`)
  await record('redis', { ms: Date.now() - since, cutOff: found.cutOff })
})

const { NODE_DOWN: nodeDown, NODE_UP: nodeUp } = process.env
const nodeSkip =
  skip ||
  ((nodeDown === undefined || nodeUp === undefined) &&
    'NODE_DOWN and NODE_UP do not say how a node is lost here')
test('a node is gone with all that ran on it', { skip: nodeSkip, timeout }, async (t) => {
  // Before everything else that is cleaned up: what runs on a node that is gone cannot be deleted.
  let node = ''
  t.after(() => node !== '' && execute('sh', ['-c', `${nodeUp} ${node}`]))
  const baton = await install(t, 'baton-node', spread)
  const work = await startWork(t, baton)
  const owners = await work.owners()
  const pods = await listPods(baton.namespace, `app.kubernetes.io/instance=${release}`)
  const redisNode = pods.find(({ metadata }) => metadata.name.includes('redis'))?.spec.nodeName
  const victim = pods.find(({ metadata, spec }) => owners.has(metadata.name) && spec.nodeName !== redisNode)
  node = victim?.spec.nodeName ?? ''
  if (victim === undefined || node === '') return t.skip('everything runs beside Redis')
  const destroy = async () => {
    await execute('sh', ['-c', `${nodeDown} ${node}`])
    // It comes back once the others have taken over: what it ran is read at the end.
    void work
      .lastHeartbeat(victim.metadata.name)
      .then(() => execute('sh', ['-c', `${nodeUp} ${node}`]))
      .catch(() => {})
  }
  const owned = owners.get(victim.metadata.name) ?? []
  await breakOwner(t, 'node', work, { pod: victim.metadata.name, owned, destroy })
})

const inPod = (namespace: string, pod: string, ...command: string[]) =>
  execute('kubectl', ['-n', namespace, 'exec', pod, '-c', 'baton', '--', ...command])
