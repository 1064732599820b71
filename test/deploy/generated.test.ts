import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse, parseAllDocuments } from 'yaml'
import { readDeploy, root, run } from './tools.ts'

test('what deploy/ repeats of other files is up to date', async () => {
  await run(process.execPath, ['scripts/generate-deploy.ts', '--check'], { cwd: root })
})

test('the Operator gets every rule of rules.yml', async () => {
  const documents = parseAllDocuments(await readDeploy('prometheus/operator.yaml'))
  const [monitor, rule] = documents.map((document) => document.toJS() as { kind: string; spec: object })
  assert.equal(monitor?.kind, 'PodMonitor')
  assert.equal(rule?.kind, 'PrometheusRule')
  assert.deepEqual(rule?.spec, parse(await readDeploy('prometheus/rules.yml')))
})
