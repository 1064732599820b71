import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { readDeploy } from './tools.ts'

interface Panel {
  id: number
  title: string
  type: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: { expr: string; datasource: { uid: string } }[]
}

const readDashboard = async () =>
  JSON.parse(await readDeploy('grafana/baton.json')) as {
    uid: string
    panels: Panel[]
    templating: { list: { name: string }[] }
  }

test('the dashboard shows what an operator asks first', async () => {
  const { panels } = await readDashboard()
  const titles = panels.map(({ title }) => title)
  for (const wanted of [
    'Queue depth',
    'Wait until the first start',
    'Instructions by state',
    'Hand-backs and other interruptions',
    'Recoveries',
    'Open sockets',
    'Readiness checks',
    'Shutdown steps',
    'Late requests',
  ])
    assert.ok(titles.includes(wanted), wanted)
})

test('panels have their own ids, do not overlap and stay within 24 columns', async () => {
  const { panels } = await readDashboard()
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = new Map<string, string>()
  for (const { title, gridPos } of panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.equal(cells.get(`${x} ${y}`), undefined, `${title} lies over ${cells.get(`${x} ${y}`)}`)
        cells.set(`${x} ${y}`, title)
      }
    }
  }
})

test('every panel asks the chosen data source, and every variable is there', async () => {
  const { panels, templating } = await readDashboard()
  const variables = new Set(templating.list.map(({ name }) => name))
  for (const { title, type, targets = [] } of panels) {
    if (type === 'row') continue
    assert.ok(targets.length > 0, title)
    for (const { expr, datasource } of targets) {
      assert.equal(datasource.uid, '${datasource}')
      for (const [, name = ''] of expr.matchAll(/\$\{?([a-z]\w*)/g))
        assert.ok(variables.has(name), `${title}: ${name}`)
    }
  }
})

test('the provisioning files find the data source and the dashboard', async () => {
  const { datasources } = parse(await readDeploy('grafana/datasource.yml')) as {
    datasources: { url: string }[]
  }
  assert.equal(datasources[0]?.url, 'http://prometheus:9090')
  const { providers } = parse(await readDeploy('grafana/dashboards.yml')) as {
    providers: { options: { path: string } }[]
  }
  assert.equal(providers[0]?.options.path, '/var/lib/grafana/dashboards')
})
