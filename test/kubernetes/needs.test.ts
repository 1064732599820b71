import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { createClient, until } from '../support/client.ts'
import { install, skip } from './support/baton.ts'
import { execute } from './support/commands.ts'
import { record } from './support/record.ts'

const timeout = 900_000
const busy = 50
/** Metrics servers look every 15 s, and average over two looks. */
const settleMs = 60_000

interface PodMetrics {
  items: { containers: { name: string; usage: { cpu: string; memory: string } }[] }[]
}

test('what a pod needs, idle and with 50 busy containers', { skip, timeout }, async (t) => {
  const baton = await install(t, 'baton-needs', ['--set', 'replicas=1', '--set', 'service.type=NodePort'])
  const [pod] = await baton.readyPods()
  const startedAt = Date.parse(pod?.status.containerStatuses?.[0]?.state.running?.startedAt ?? '')
  const readyAt = Date.parse(
    pod?.status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime ?? '',
  )

  async function usage() {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${baton.namespace}/pods?labelSelector=${encodeURIComponent(baton.selector)}`
    const { code, stdout } = await execute('kubectl', ['get', '--raw', path])
    if (code !== 0) return undefined
    const { items } = JSON.parse(stdout) as PodMetrics
    const found = items[0]?.containers.find(({ name }) => name === 'baton')?.usage
    return found && { milliCpu: milli(found.cpu), mebibytes: mebi(found.memory) }
  }
  if ((await execute('kubectl', ['get', '--raw', '/apis/metrics.k8s.io/v1beta1'])).code !== 0)
    return t.skip('the cluster has no metrics server')

  await setTimeout(settleMs)
  const idle = await until('the idle pod is measured', usage, settleMs)
  const client = createClient(baton.base, baton.token)
  for (let index = 1; index <= busy; index += 1) {
    await client.register(`c-${index}`)
    await client.submit(`c-${index}`, 'sleep 3m')
  }
  await until(
    'every container is busy',
    async () => {
      const headers = baton.token === undefined ? {} : { authorization: `Bearer ${baton.token}` }
      const text = await (await fetch(`${baton.base}/metrics`, { headers })).text()
      return text.includes(`baton_daemons{state="busy"} ${busy}\n`)
    },
    120_000,
  )
  await setTimeout(settleMs)
  const full = await until('the busy pod is measured', usage, settleMs)
  const measured = { startToReadySeconds: (readyAt - startedAt) / 1000, idle, busy: full, containers: busy }
  t.diagnostic(JSON.stringify(measured))
  await record('needs', measured)
  assert.ok(full.mebibytes > idle.mebibytes)
})

/** Kubernetes' quantities: `12m`, `345678n`, `1`. */
function milli(quantity: string): number {
  const value = Number.parseFloat(quantity)
  if (quantity.endsWith('n')) return value / 1e6
  if (quantity.endsWith('u')) return value / 1e3
  return quantity.endsWith('m') ? value : value * 1000
}

function mebi(quantity: string): number {
  const value = Number.parseFloat(quantity)
  if (quantity.endsWith('Ki')) return Math.round(value / 1024)
  if (quantity.endsWith('Mi')) return value
  return quantity.endsWith('Gi') ? value * 1024 : Math.round(value / 1024 / 1024)
}
