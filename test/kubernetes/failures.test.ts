import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../support/client.ts'
import { install, release, skip } from './support/baton.ts'
import { execute, kubectl, read } from './support/commands.ts'
import { startWork } from './support/fault.ts'
import { type Pod, listPods } from './support/pods.ts'
import { record } from './support/record.ts'

const spread = ['--set', 'workspaces.accessMode=ReadWriteMany', '--set', 'service.type=NodePort']
/** A dead pod's heartbeat expires after 3 s; then the others claim. */
const takeoverMs = 3000
const timeout = 900_000

test('an owner that is deleted by force is taken over, nothing is lost', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-force', spread)
  const work = await startWork(t, baton)
  const [[pod, owned] = assert.fail('nobody owns anything')] = await work.owners()
  const since = Date.now()
  await kubectl('-n', baton.namespace, 'delete', 'pod', pod, '--force', '--grace-period=0', '--wait=false')
  const ms = await work.restartedAfter(since, owned)
  const found = await work.settle()
  t.diagnostic(
    `${owned.length} containers of ${pod} ran again ${ms} ms after the order, ${found.cutOff} cut off`,
  )
  await record('force-delete', { containers: owned.length, ms, cutOff: found.cutOff })
  // The kubelet gives even a forced end up to two seconds.
  assert.ok(ms <= takeoverMs + 2000, `${ms} ms`)
})

test('a process that is killed is taken over within 3 s', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-kill', spread)
  const work = await startWork(t, baton)
  const [[pod, owned] = assert.fail('nobody owns anything')] = await work.owners()
  const kill = `const { readdirSync, readFileSync } = require('node:fs')
    for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)))
      if (/node.src\\/main\\.ts|node.*\\/src\\/main\\.ts/.test(readFileSync('/proc/' + pid + '/cmdline', 'utf8').replaceAll('\\0', ' '))) process.kill(pid, 'SIGKILL')`
  await execute('kubectl', ['-n', baton.namespace, 'exec', pod, '-c', 'baton', '--', 'node', '-e', kill])
  const since = Date.now()
  const ms = await work.restartedAfter(since, owned)
  const found = await work.settle()
  t.diagnostic(`${owned.length} containers ran again after ${ms} ms, ${found.cutOff} cut off`)
  await record('kill', { containers: owned.length, ms, cutOff: found.cutOff })
  assert.ok(ms <= takeoverMs + 1000, `${ms} ms`)
})

test('a pod that runs out of memory is taken over, and comes back', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-oom', [...spread, '--set', 'resources.limits.memory=1Gi'])
  const work = await startWork(t, baton)
  const [[pod, owned] = assert.fail('nobody owns anything')] = await work.owners()
  // Many small ones: the kernel ends the largest process of the pod, which is Baton.
  const fill = 'for i in $(seq 40); do head -c 30000000 /dev/zero | tail & done; wait'
  const filling = execute('kubectl', [
    '-n',
    baton.namespace,
    'exec',
    pod,
    '-c',
    'baton',
    '--',
    'sh',
    '-c',
    fill,
  ])
  const ended = await until(
    'the container was killed for its memory',
    async () => {
      const found = await read<Pod>('-n', baton.namespace, 'get', 'pod', pod)
      return found.status.containerStatuses?.[0]?.lastState?.terminated
    },
    120_000,
  )
  await filling
  assert.equal(ended.reason, 'OOMKilled')
  const ms = await work.restartedAfter(Date.parse(ended.finishedAt), owned)
  const found = await work.settle()
  t.diagnostic(
    `${owned.length} containers ran again ${ms} ms after the second of the kill, ${found.cutOff} cut off`,
  )
  await record('oom', { containers: owned.length, ms, cutOff: found.cutOff })
  // `finishedAt` has whole seconds.
  assert.ok(ms <= takeoverMs + 2000, `${ms} ms`)
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
  const baton = await install(t, 'baton-node', spread)
  const work = await startWork(t, baton)
  const owners = await work.owners()
  const pods = await listPods(baton.namespace, `app.kubernetes.io/instance=${release}`)
  const redisNode = pods.find(({ metadata }) => metadata.name.includes('redis'))?.spec.nodeName
  const victim = pods.find(({ metadata, spec }) => owners.has(metadata.name) && spec.nodeName !== redisNode)
  const node = victim?.spec.nodeName
  if (victim === undefined || node === undefined) return t.skip('everything runs beside Redis')
  t.after(() => execute('sh', ['-c', `${nodeUp} ${node}`]))
  await execute('sh', ['-c', `${nodeDown} ${node}`])
  const since = Date.now()
  const owned = owners.get(victim.metadata.name) ?? []
  const ms = await work.restartedAfter(since, owned)
  await execute('sh', ['-c', `${nodeUp} ${node}`])
  const found = await work.settle()
  t.diagnostic(`${owned.length} containers of ${node} ran again after ${ms} ms, ${found.cutOff} cut off`)
  await record('node', { containers: owned.length, ms, cutOff: found.cutOff })
  assert.ok(ms <= takeoverMs + 2000, `${ms} ms`)
})
