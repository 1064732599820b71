import assert from 'node:assert/strict'
import { copyFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { deploy, findTool, start, temporary } from '../deploy/tools.ts'
import { until } from '../support/client.ts'
import { freePort } from '../support/redis.ts'
import { install, skip } from './support/baton.ts'
import { execute, kubectl } from './support/commands.ts'
import type { Pod } from './support/pods.ts'
import { startLoad } from './support/rollout.ts'

const spread = [
  '--set',
  'workspaces.accessMode=ReadWriteMany',
  '--set',
  'service.type=NodePort',
  '--set',
  'config.WORKERS_BUDGET_SECONDS=10',
]
const prometheus = findTool('prometheus')
const promtool = findTool('promtool')
const timeout = 1_200_000

test('Prometheus scrapes every pod, and its counters explain two rollouts', {
  skip: skip || prometheus.skip,
  timeout,
}, async (t) => {
  const baton = await install(t, 'baton-prometheus', spread)
  const load = await startLoad(t, baton)
  const dir = await temporary(t)
  const port = await freePort()
  await copyFile(deploy('prometheus/rules.yml'), join(dir, 'rules.yml'))
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '5s' },
    rule_files: ['rules.yml'],
    scrape_configs: [
      { job_name: 'baton', file_sd_configs: [{ files: ['pods.json'], refresh_interval: '1s' }] },
    ],
  }
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config))

  /** As the discovery of Kubernetes finds them: every pod with an address, until it is gone. */
  const names = new Set<string>()
  async function discover() {
    const pods = load.pods.all().filter(({ status }) => status.podIP !== undefined)
    for (const { metadata } of pods) names.add(metadata.name)
    const targets = pods.map(({ metadata, status }) => ({
      targets: [`${status.podIP}:${metricsPort(metadata)}`],
      labels: { namespace: baton.namespace, pod: metadata.name },
    }))
    await writeFile(join(dir, 'pods.new'), JSON.stringify(targets))
    await rename(join(dir, 'pods.new'), join(dir, 'pods.json'))
  }
  await discover()
  const discovery = new AbortController()
  const discovering = (async () => {
    while (!discovery.signal.aborted) {
      await discover()
      await setTimeout(500)
    }
  })()
  t.after(async () => {
    discovery.abort()
    await discovering
  })
  start(t, prometheus.path, [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  const query = async (expr: string) => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expr)}`
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok !== true) return []
    const { data } = (await answer.json()) as {
      data: { result: { metric: Record<string, string>; value: [number, string] }[] }
    }
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }
  await until('both pods are up', async () => (await query('count(up == 1)'))[0]?.value === 2, 60_000)

  for (let index = 0; index < 2; index += 1) {
    await kubectl('-n', baton.namespace, 'rollout', 'restart', baton.deployment)
    await kubectl('-n', baton.namespace, 'rollout', 'status', baton.deployment, '--timeout=180s')
    await until('no pod is terminating', () => load.pods.terminating().length === 0, 180_000)
  }
  const [pod] = await baton.readyPods()
  const measured = await load.stop()
  await until('the last scrape', async () => (await query('max(baton_queue_depth)'))[0]?.value === 0)

  const scraped = await query('group by (pod) (max_over_time(up[1h]) == 1)')
  assert.deepEqual(new Set(scraped.map(({ metric }) => metric.pod)), names)
  const [handBacks] = await query('sum(max_over_time(baton_interruptions_total{cause="drain"}[1h]))')
  // A pod ends within a second of its last hand-back: what no scrape has seen any more is in its report.
  const sum = (read: (ended: (typeof measured.ended)[number]) => number | undefined) =>
    measured.ended.reduce((total, ended) => total + (read(ended) ?? 0), 0)
  assert.equal(
    sum(({ report }) => report?.instructions.handedBack),
    measured.handedBack,
  )
  const seenHandBacks = handBacks?.value ?? 0
  assert.ok(seenHandBacks > 0 && seenHandBacks <= measured.handedBack, `${seenHandBacks} hand-backs seen`)
  const [ended] = await query('sum(max_over_time(baton_instructions_total{outcome="succeeded"}[1h]))')
  const seenEnds = ended?.value ?? 0
  assert.ok(seenEnds > 0 && seenEnds <= measured.accepted, `${seenEnds} of ${measured.accepted} ends seen`)
  const reported = sum(({ report }) => report?.lateRequests)
  const late = await query('sum(max_over_time(baton_late_requests_total[1h]))')
  assert.ok((late[0]?.value ?? -1) <= reported)
  const steps = await query(
    'group by (pod, step) (max_over_time(baton_shutdown_step_duration_seconds{outcome="ok"}[1h]))',
  )
  for (const { name } of measured.ended)
    assert.ok(
      steps.some(({ metric }) => metric.pod === name && metric.step === 'health-monitor'),
      `no step of the shutdown of ${name}`,
    )
  const alerts = await query('ALERTS{alertstate="firing", alertname!="BatonDrainWindowTooShort"}')
  assert.deepEqual(alerts, [])
  t.diagnostic(
    `${names.size} pods scraped, ${seenHandBacks} of ${measured.handedBack} hand-backs, ${late[0]?.value} of ${reported} late requests seen`,
  )

  if (promtool.skip === false) {
    const text = await kubectl(
      'get',
      '--raw',
      `/api/v1/namespaces/${baton.namespace}/pods/${pod?.metadata.name}:${pod === undefined ? '' : metricsPort(pod.metadata)}/proxy/metrics`,
    )
    const checked = await execute(promtool.path, ['check', 'metrics'], text)
    assert.equal(checked.code, 0, checked.stderr)
  }
})

/** As the pod's annotation says it to a Prometheus. */
const metricsPort = ({ annotations }: Pod['metadata']) => annotations?.['prometheus.io/port'] ?? '3000'
