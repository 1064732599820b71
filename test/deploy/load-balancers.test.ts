import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, describe, test } from 'node:test'
import { createClient, subscribe, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { startRequests } from './requests.ts'
import { findTool, readDeploy, start, temporary } from './tools.ts'

const drainSeconds = 4

interface Balancer {
  name: string
  file: string
  args(file: string, dir: string): string[]
  /** What the example cannot say for every machine. */
  adapt?(text: string, dir: string): string
}

const balancers: Balancer[] = [
  { name: 'haproxy', file: 'haproxy.cfg', args: (file) => ['-db', '-f', file] },
  {
    name: 'nginx',
    file: 'nginx.conf',
    args: (file, dir) => [
      '-e',
      join(dir, 'error.log'),
      '-g',
      `daemon off; pid ${dir}/pid;`,
      '-p',
      dir,
      '-c',
      file,
    ],
    adapt: (text, dir) =>
      ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].reduce(
        (config, name) =>
          config.replace('access_log off;', `access_log off; ${name}_temp_path ${dir}/${name};`),
        text,
      ),
  },
  {
    name: 'envoy',
    file: 'envoy.yaml',
    args: (file) => ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warn'],
  },
]

for (const balancer of balancers) {
  const { path, skip } = findTool(balancer.name)
  describe(`deploy/load-balancers/${balancer.file}`, { skip }, () => {
    test('no request fails while one of two processes drains and ends', async (t) => {
      const { base, services } = await startBehind(t, balancer, path)
      const client = createClient(base)
      const containers = ['c-1', 'c-2', 'c-3', 'c-4']
      for (const container of containers) await client.register(container)
      const requests = startRequests(base, containers, 8)
      t.after(requests.stop)
      await until('both processes get requests', async () => {
        const counts = await Promise.all(services.map(({ url }) => answered(url)))
        return counts.every((count) => count > 50)
      })

      const [first] = services
      first.signal('SIGTERM')
      assert.equal((await first.exited).code, 0)
      const sentAtTheEnd = requests.sent()
      await until('requests go on without it', () => requests.sent() > sentAtTheEnd + 200)
      await requests.stop()

      assert.deepEqual(requests.failures, [])
      t.diagnostic(`${requests.sent()} requests, 0 failed`)
    })

    test('sockets pass, are told of the drain and are closed with 1012', async (t) => {
      const { base, services } = await startBehind(t, balancer, path)
      await createClient(base).register('c-1')
      const sockets = await Promise.all([0, 1, 2, 3].map(() => subscribe(t, base, 'c-1', 0)))
      services[0].signal('SIGTERM')
      await services[0].exited
      const told = sockets.filter(({ frames }) => frames.some(({ op }) => op === 'service.draining'))
      assert.ok(told.length > 0 && told.length < sockets.length, `${told.length} of ${sockets.length} drain`)
      for (const socket of told) assert.equal((await socket.closed).code, 1012)
      const again = await subscribe(t, base, 'c-1', 0)
      assert.equal(again.events()[0]?.seq, 1)
    })
  })
}

/** Two processes on one Redis, and the example with their ports in front. */
async function startBehind(t: TestContext, { file, args, adapt }: Balancer, path: string) {
  const redis = await startRedis(t)
  const env = {
    DRAIN_SECONDS: String(drainSeconds),
    WORKERS_BUDGET_SECONDS: '5',
    // One address sends it all.
    RATE_LIMIT_PER_MINUTE: '0',
  }
  const services = [await startService(t, { redis, env }), await startService(t, { redis, env })] as const
  const port = await freePort()
  const ports: Record<string, string> = {
    3000: new URL(services[0].url).port,
    3001: new URL(services[1].url).port,
    8080: String(port),
  }
  const dir = await temporary(t)
  const example = await readDeploy(`load-balancers/${file}`)
  for (const known of Object.keys(ports)) assert.match(example, new RegExp(`\\b${known}\\b`))
  const config = example.replace(/\b(3000|3001|8080)\b/g, (known) => ports[known] ?? known)
  const configFile = join(dir, file)
  await writeFile(configFile, adapt?.(config, dir) ?? config)
  const running = start(t, path, args(configFile, dir))
  const base = `http://127.0.0.1:${port}`
  await until(`the load balancer answers: ${running.output()}`, async () => {
    if (running.hasEnded()) throw new Error(running.output())
    return (await fetch(`${base}/readyz`).catch(() => undefined))?.ok
  })
  return { base, services }
}

/** Requests to containers that a process has answered, from its own metrics. */
async function answered(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const counts = text.matchAll(/^baton_http_request_duration_seconds_count\{.*route="\/v1\/.*\} (\d+)$/gm)
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
}
