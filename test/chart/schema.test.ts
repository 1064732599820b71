import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { allSettings, configSettings, setByChart } from '../../scripts/chart/config.ts'
import { type Value, chartValues, valuesSchema } from '../../scripts/chart/schema.ts'
import { chartFiles } from '../../scripts/generate-chart.ts'
import { type Json, type Values, at, chartDirectory as directory, find, nested, withHelm } from './support.ts'

const objects = (values: Record<string, Value>, path = ''): string[] =>
  Object.entries(values).flatMap(([name, { properties, additionalProperties }]) =>
    properties !== undefined && additionalProperties === false
      ? [`${path}${name}`, ...objects(properties, `${path}${name}.`)]
      : [],
  )

/** Of the wrong form: a path, a value. */
const wrong: [path: string, value: Json][] = [
  ['replicas', -1],
  ['replicas', '2'],
  ['replicas', 1.5],
  ['ports.http', 0],
  ['ports.http', 65_536],
  ['ports.metrics', 'http'],
  ['image.digest', 'sha256:short'],
  ['image.tag', 'a tag'],
  ['image.pullPolicy', 'Sometimes'],
  ['fullnameOverride', 'Upper'],
  ['fullnameOverride', 'x'.repeat(41)],
  ['nameOverride', '-x'],
  ['auth.tokens', 'short'],
  ['auth.tokens', 'a-token-of-16-or-more:admin'],
  ['redis.url', 'http://redis'],
  ['redis.bundled.password', 'p@ss'],
  ['redis.bundled.size', 'big'],
  ['workspaces.accessMode', 'ReadOnlyMany'],
  ['workspaces.keep', 'yes'],
  ['loadBalancer.preset', 'elb'],
  ['loadBalancer.preStopSeconds', 2.5],
  ['service.type', 'ExternalName'],
  ['ingress.path', 'no-slash'],
  ['ingress.hosts', 'a.b'],
  ['serviceMonitor.interval', '15'],
  ['podLabels.a', 1],
  ['extraEnv', { A: '1' }],
  ['config.DRAIN_SECONDS', '5'],
  ['config.DRAIN_SECONDS', -1],
  ['config.WORKERS_BUDGET_SECONDS', 0],
  ['config.LOG_LEVEL', 'loud'],
  ['config.HISTORY_RETENTION', '7 days'],
  ['config.QUEUE_LIMIT', 1.5],
]

withHelm('the schema', (fact) => {
  for (const path of objects(chartValues())) {
    fact(`refuses a value of ${path} that does not exist`, async (chart) => {
      assert.match(await chart.refusal(nested(`${path}.unknownName`, 'x')), /unknownName/)
    })
  }

  fact('refuses a value that does not exist at the top', async (chart) => {
    assert.match(await chart.refusal({ unknownName: 1 }), /unknownName/)
  })

  fact('lets a chart that contains this one give it `global`', async (chart) => {
    await chart.render({ global: { any: 'thing' } })
  })

  for (const [path, value] of wrong) {
    fact(`refuses ${path}: ${JSON.stringify(value)}`, async (chart) => {
      const refusal = await chart.refusal(nested(path, value))
      assert.match(refusal, /values don't meet the specifications of the schema/)
    })
  }

  for (const name of Object.keys(setByChart)) {
    fact(`refuses config.${name}, which the chart sets`, async (chart) => {
      assert.match(await chart.refusal({ config: { [name]: 'x' } }), new RegExp(name))
    })
  }

  for (const file of readdirSync(join(directory, 'ci'))) {
    fact(`accepts the example ci/${file}`, async (chart) => {
      const values = parse(readFileSync(join(directory, 'ci', file), 'utf8')) as Values
      const manifests = await chart.render(values)
      assert.ok(at(find(manifests, 'Deployment'), 'spec.template.spec.containers.0.image'))
    })
  }
})

test('every setting is in config, or the chart sets it, or it is a secret', () => {
  const config = new Set(configSettings.map(([name]) => name))
  for (const [name, schema] of allSettings) {
    assert.ok(config.has(name) !== (name in setByChart || schema.writeOnly === true), name)
  }
  assert.deepEqual(Object.keys(chartValues().config?.properties ?? {}), [...config])
})

test('schema, values, README and facts of the chart are as the settings say', () => {
  for (const [path, text] of Object.entries(chartFiles())) {
    const file = join(directory, '..', path)
    assert.ok(existsSync(file) && readFileSync(file, 'utf8') === text, `${path}: run \`npm run docs\``)
  }
})

test('every object of the schema is closed', () => {
  assert.equal(valuesSchema().additionalProperties, false)
  const open = (value: Value): boolean =>
    value.properties !== undefined && Object.keys(value.properties).length > 0
      ? value.additionalProperties !== false || Object.values(value.properties).some(open)
      : false
  assert.deepEqual(
    Object.entries(chartValues()).filter(([, value]) => open(value)),
    [],
  )
})

test('the chart has the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(directory, '../package.json'), 'utf8')) as {
    version: string
  }
  const meta = parse(readFileSync(join(directory, 'Chart.yaml'), 'utf8')) as Record<string, string>
  assert.deepEqual([meta.version, meta.appVersion], [version, version])
})
