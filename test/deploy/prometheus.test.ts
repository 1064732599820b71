import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { createClient, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { type Rule, exported, namesIn, readRules, selectorsIn } from './metrics.ts'
import { deploy, findTool, readDeploy, run, start, temporary } from './tools.ts'

const promtool = findTool('promtool')
const prometheus = findTool('prometheus')

test('the rules are valid, and do what their tests say', { skip: promtool.skip }, async () => {
  const cwd = deploy('prometheus')
  await run(promtool.path, ['check', 'rules', 'rules.yml'], { cwd })
  await run(promtool.path, ['test', 'rules', 'rules.test.yml'], { cwd })
})

test('every alert has a test, a severity and a section of its own in the runbooks', async () => {
  const runbooks = await readDeploy('runbooks.md')
  const sections = [...runbooks.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  const tests = await readDeploy('prometheus/rules.test.yml')
  const alerts = (await readRules()).filter((rule) => rule.alert !== undefined)
  assert.ok(alerts.length > 10)
  assert.deepEqual(
    sections,
    alerts.map(({ alert }) => alert),
  )
  for (const { alert, labels, annotations } of alerts) {
    assert.match(String(labels?.severity), /^(critical|warning|info)$/)
    assert.equal(annotations?.runbook_url, `deploy/runbooks.md#${alert?.toLowerCase()}`)
    assert.match(tests, new RegExp(`alertname: ${alert}\\b`))
  }
})

test('links between runbooks lead somewhere', async () => {
  const runbooks = await readDeploy('runbooks.md')
  for (const [, anchor] of runbooks.matchAll(/\]\(#(\w+)\)/g))
    assert.match(runbooks, new RegExp(`^## ${anchor}$`, 'mi'))
})

test('rules and dashboard know only metrics and labels that a running service shows', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  for (const text of ['say hello', 'fail']) {
    const { id } = await client.submit('c-1', text)
    await client.waitFor('c-1', id, text === 'fail' ? 'failed' : 'succeeded')
  }
  const shown = await exported(service.url)
  const recorded = (await readRules()).flatMap(({ record }) => (record === undefined ? [] : [record]))
  const dashboard = await readDeploy('grafana/baton.json')
  const expressions = [
    ...(await readRules()).map(({ expr }) => expr),
    ...[...dashboard.matchAll(/"expr": "((?:[^"\\]|\\.)*)"/g)].map(
      ([, expr]) => JSON.parse(`"${expr}"`) as string,
    ),
  ]
  const names = new Set(expressions.flatMap(namesIn))
  assert.ok(names.size > 15)
  for (const name of names) assert.ok(shown.has(name) || recorded.includes(name), `${name} is not exported`)
  for (const { name, label } of expressions.flatMap(selectorsIn)) {
    // Prometheus adds these; `step` and `outcome` of a shutdown come with it.
    if (/^(job|namespace|pod|instance)$/.test(label) || name.startsWith('baton_shutdown_step')) continue
    assert.ok(shown.get(name)?.has(label), `${name} has no label ${label}`)
  }
})

test('what the service shows is clean for promtool', { skip: promtool.skip }, async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const text = await (await fetch(`${service.url}/metrics`)).text()
  const checking = spawn(promtool.path, ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  checking.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  checking.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  checking.stdin.end(text)
  const [code] = (await once(checking, 'close')) as [number]
  assert.equal(said, '')
  assert.equal(code, 0)
})

test('a real Prometheus scrapes two processes and evaluates every rule', {
  skip: prometheus.skip,
}, async (t) => {
  const redis = await startRedis(t)
  const services = [await startService(t, { redis }), await startService(t, { redis })] as const
  const dir = await temporary(t)
  const [one, two] = services.map(({ url }) => new URL(url).host)
  const example = await readDeploy('prometheus/static.yml')
  assert.match(example, /127\.0\.0\.1:3000.*127\.0\.0\.1:3001/)
  const config = example
    .replaceAll('15s', '1s')
    .replace('127.0.0.1:3000', one ?? '')
    .replace('127.0.0.1:3001', two ?? '')
  await writeFile(join(dir, 'static.yml'), config)
  await copyFile(deploy('prometheus/rules.yml'), join(dir, 'rules.yml'))
  const port = await freePort()
  start(t, prometheus.path, [
    `--config.file=${join(dir, 'static.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  const api = async <T>(path: string): Promise<T | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined)
    return answer?.ok === true ? ((await answer.json()) as { data: T }).data : undefined
  }
  const value = async (query: string) => {
    const data = await api<{ result: { value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(query)}`,
    )
    return data?.result[0]?.value[1]
  }
  await until('both are up', async () => (await value('count(up{job="baton"} == 1)')) === '2')
  await until('recording rules give numbers', async () => (await value('baton:queue_depth:max')) === '0')

  interface State {
    groups: {
      rules: (Rule & { name: string; health: string; lastError?: string; alerts?: { state: string }[] })[]
    }[]
  }
  const evaluated = await until('every rule is evaluated', async () => {
    const rules = (await api<State>('rules'))?.groups.flatMap((group) => group.rules)
    return rules?.every(({ health }) => health !== 'unknown') && rules
  })
  assert.equal(evaluated.length, (await readRules()).length)
  for (const { name, health, lastError } of evaluated) assert.equal(health, 'ok', `${name}: ${lastError}`)
  assert.deepEqual(
    // Before the first scrape nothing is running: that one is pending.
    evaluated.flatMap(({ alerts = [] }) => alerts).filter(({ state }) => state === 'firing'),
    [],
  )
})

test('the pods of the Operator example are those of the chart', async () => {
  const monitor = parse(await readDeploy('prometheus/monitor.yaml')) as {
    kind: string
    spec: { selector: { matchLabels: object }; podMetricsEndpoints: { path: string; port: string }[] }
  }
  const base = await readDeploy('kubernetes/base/baton.yaml')
  assert.equal(monitor.kind, 'PodMonitor')
  assert.deepEqual(monitor.spec.selector.matchLabels, { 'app.kubernetes.io/name': 'baton' })
  const [endpoint] = monitor.spec.podMetricsEndpoints
  assert.equal(endpoint?.path, '/metrics')
  assert.match(base, new RegExp(`- name: ${endpoint?.port}\\n +containerPort: 9090\\n`))
})
