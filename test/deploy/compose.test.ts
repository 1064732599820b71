import assert from 'node:assert/strict'
import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { loadConfig, shutdownBudget } from '../../src/config.ts'
import { settings } from '../../src/config/settings.ts'
import { deploy, findTool, readDeploy, run } from './tools.ts'

interface Service {
  image: string
  build?: string
  ports?: string[]
  environment?: Record<string, string>
  volumes?: string[]
  depends_on?: string[] | Record<string, unknown>
  stop_grace_period?: string
  command?: string[]
}

const file = 'compose/compose.yaml'
const readCompose = async () =>
  parse(await readDeploy(file)) as { services: Record<string, Service>; volumes: Record<string, null> }

async function readBaton() {
  const { services } = await readCompose()
  const { environment = {}, ...baton } = services.baton ?? assert.fail('no service baton')
  return { ...baton, environment }
}

test('the environment of Baton is settings that exist, and they load', async () => {
  const { environment } = await readBaton()
  for (const name of Object.keys(environment)) assert.ok(name in settings.properties, `${name} is no setting`)
  assert.equal(loadConfig(environment).HOST, '0.0.0.0')
})

test('Baton is given more time to end than its shutdown can take', async () => {
  const { environment, stop_grace_period: grace } = await readBaton()
  const seconds = Number(/^(\d+)s$/.exec(grace ?? '')?.[1])
  assert.ok(seconds > shutdownBudget(loadConfig(environment)).totalSeconds)
  assert.equal(environment.TERMINATION_GRACE_PERIOD_SECONDS, String(seconds))
})

test('ports are published on this machine only, once each, and lead to the port that is served', async () => {
  const { services } = await readCompose()
  const published = Object.values(services).flatMap(({ ports = [] }) => ports)
  for (const port of published) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
  const hostPorts = published.map((port) => port.split(':')[1])
  assert.equal(new Set(hostPorts).size, hostPorts.length)
  const { ports, environment } = await readBaton()
  assert.equal(ports?.[0]?.split(':')[2], environment.PORT)
})

test('every host name, volume and dependency is one of this file', async () => {
  const { services, volumes } = await readCompose()
  const names = Object.keys(services)
  const { environment } = await readBaton()
  assert.ok(names.includes(new URL(environment.REDIS_URL ?? '').hostname))
  for (const { depends_on: needed = [], volumes: mounts = [] } of Object.values(services)) {
    for (const name of Array.isArray(needed) ? needed : Object.keys(needed))
      assert.ok(names.includes(name), name)
    for (const mount of mounts) {
      const [source = ''] = mount.split(':')
      if (source.startsWith('.')) await access(join(dirname(deploy(file)), source))
      else assert.ok(source in volumes, source)
    }
  }
  const scrape = parse(await readDeploy('compose/prometheus.yml')) as {
    scrape_configs: { dns_sd_configs: { names: string[]; port: number }[] }[]
  }
  const [found] = scrape.scrape_configs[0]?.dns_sd_configs ?? []
  assert.deepEqual(found?.names, ['baton'])
  assert.equal(String(found?.port), environment.PORT)
})

test('Redis keeps everything: append-only, no eviction', async () => {
  const { services } = await readCompose()
  const command = (services.redis?.command ?? []).join(' ')
  assert.match(command, /--appendonly yes/)
  assert.match(command, /--maxmemory-policy noeviction/)
})

const promtool = findTool('promtool')
test('the Prometheus configuration is valid', { skip: promtool.skip }, async () => {
  await run(promtool.path, ['check', 'config', '--syntax-only', deploy('compose/prometheus.yml')])
})
