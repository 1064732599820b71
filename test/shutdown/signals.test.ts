import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { createClient, ledger, subscribe, until } from '../support/client.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'
import { assertShutdownLines, steps } from './lines.ts'

const isRoot = process.getuid?.() === 0
/** A zombie is gone: only its parent has not asked yet. */
const isAlive = (pid: number) => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

/** The pids of an agent and of the child that it left, both alive. */
async function treeOf(socket: Awaited<ReturnType<typeof subscribe>>): Promise<number[]> {
  const said = await until('the child is there', () =>
    socket
      .events()
      .find(({ type, data }) => type === 'agent.message' && String(data.text).startsWith('child ')),
  )
  const child = Number(String(said.data.text).slice('child '.length))
  const agent = Number(socket.events().find(({ type }) => type === 'daemon.started')?.data.pid)
  assert.deepEqual([agent, child].map(isAlive), [true, true])
  return [agent, child]
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends the service in seven steps, exit 0, with a report`, async (t) => {
    const redis = await startRedis(t)
    const first = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '3' } })
    await writeFile(join(first.dataDir, 'termination-log'), '')
    const client = createClient(first.url)
    await client.register('c-1')
    const socket = await subscribe(t, first.url, 'c-1', 0)
    const { id } = await client.submit('c-1', 'sleep 60s')
    await client.waitFor('c-1', id, 'running')
    const pid = Number(socket.events().find(({ type }) => type === 'daemon.started')?.data.pid)

    first.signal(signal)
    await first.waitForLog('Received shutdown signal, starting graceful shutdown')
    const ready = await client.call('GET', '/readyz?from=test')
    assert.equal(ready.status, 503)
    assert.equal((ready.body as { status: string }).status, 'draining')
    assert.equal(ready.headers.get('connection'), 'close')
    assert.equal((await client.call('GET', '/livez')).status, 200)
    await until('the socket is told', () => socket.frames.some(({ op }) => op === 'service.draining'))

    const closed = await socket.closed
    assert.equal(closed.code, 1012)
    assert.ok((JSON.parse(closed.reason) as { retryAfterMs: number }).retryAfterMs > 0)
    const { code, ms } = await first.exited
    assert.equal(code, 0)
    assert.ok(ms < 10_000, `took ${ms} ms`)
    assertShutdownLines(first, steps, 'Graceful shutdown completed')
    const worker = first.lines.find(({ msg }) => msg === 'Worker stopped')
    assert.equal(worker?.containerId, 'c-1')
    assert.ok(!isAlive(pid), 'the agent is gone')

    const report = JSON.parse(await readFile(join(first.dataDir, 'termination-log'), 'utf8')) as {
      reason: string
      exitCode: number
      steps: { name: string; outcome: string }[]
      instructions: object
      socketsClosed: number
    }
    assert.equal(report.reason, signal)
    assert.equal(report.exitCode, 0)
    assert.deepEqual(
      report.steps.map(({ name, outcome }) => [name, outcome]),
      steps.map((name) => [name, 'ok']),
    )
    assert.deepEqual(report.instructions, { finished: 0, handedBack: 1, lost: 0 })
    assert.equal(report.socketsClosed, 1)
    assert.deepEqual(first.lines.find(({ msg }) => msg === 'Shutdown report')?.report, report)
  })
}

test('a second signal exits at once with 1, and no agent stays behind', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '20' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const socket = await subscribe(t, service.url, 'c-1', 0)
  await client.submit('c-1', 'ignore signals; spawn child; hang')
  const tree = await treeOf(socket)
  service.signal('SIGTERM')
  await service.waitForLog('Waiting for active workers to finish (max 20s)...')
  service.signal('SIGINT')
  const { code, ms } = await service.exited
  assert.equal(code, 1)
  assert.ok(ms < 3000, `took ${ms} ms`)
  assert.ok(service.messages().includes('Second signal, exiting at once'))
  assert.deepEqual(tree.filter(isAlive), [])
})

test('an uncaught exception takes the same way and exits with 1', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, entry: 'faulty-main.ts', env: { FAULT: 'none' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'one')
  await client.waitFor('c-1', id, 'succeeded')
  service.signal('SIGUSR2')
  assert.equal((await service.exited).code, 1)
  assert.ok(service.messages().includes('Uncaught exception'))
  assertShutdownLines(service, steps, 'Shutdown completed with failures')
})

test('a signal during the start stops only what has started, exit 0', async (t) => {
  const redis = await startRedis(t)
  const env = { FAULT: 'queues:slow-start' }
  const service = await startService(t, { redis, entry: 'faulty-main.ts', env, isReadyAwaited: false })
  await service.waitForLog('Listening')
  service.signal('SIGTERM')
  assert.equal((await service.exited).code, 0)
  const stopped = service.messages()
  assert.ok(!stopped.includes('Stopping health monitors...'))
  assert.ok(!stopped.includes('Stopping all Claude daemons...'))
  assert.ok(stopped.indexOf('HTTP server closed') < stopped.indexOf('Database closed'))
  assert.equal(stopped.at(-2), 'Graceful shutdown completed')
})

test('with Redis dead the shutdown still ends inside its budget', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '2' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'sleep 60s')
  await client.waitFor('c-1', id, 'running')
  await redis.kill('SIGKILL')
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 1)
  assert.ok(ms < 2000 + 5000 + 3000, `took ${ms} ms`)
  const messages = service.messages()
  for (const line of ['HTTP server closed', 'Database closed', 'Shutdown completed with failures'])
    assert.ok(messages.includes(line), line)

  await redis.start()
  const next = await startService(t, { redis, env: { DATA_DIR: service.dataDir } })
  const again = createClient(next.url)
  assert.ok(['queued', 'running'].includes((await again.instruction('c-1', id)).state))
  await again.waitFor('c-1', id, 'running')
  assert.equal((await again.call('POST', `/v1/containers/c-1/instructions/${id}/cancel`)).status, 200)
})

test('as PID 1 it ends by itself with 0', { skip: isRoot ? false : 'unshare needs root' }, async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, prefix: ['unshare', '--pid', '--fork', '--kill-child'] })
  const client = createClient(service.url)
  await client.register('c-1')
  await client.waitFor('c-1', (await client.submit('c-1', 'one')).id, 'succeeded')
  assert.equal(service.lines.find(({ msg }) => msg === 'Baton is ready')?.pid, 1)
  const children = await readFile(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8')
  process.kill(Number(children.trim()), 'SIGTERM')
  const { code } = await service.exited
  assert.equal(code, 0)
  assertShutdownLines(service, steps, 'Graceful shutdown completed')
})

test('an agent that ignores signals and leaves children does not outlive the service', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '1' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const socket = await subscribe(t, service.url, 'c-1', 0)
  await client.submit('c-1', 'ignore signals; spawn child; hang')
  const tree = await treeOf(socket)
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 0)
  assert.ok(ms < 1000 + 5000 + 3000, `took ${ms} ms`)
  assert.deepEqual(tree.filter(isAlive), [])
  const facts = await ledger(service.workspacesDir, 'c-1')
  assert.equal(facts.filter(({ event }) => event === 'started').length, 1)
})

test('a request in flight is answered, and new instructions are accepted until the queues close', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis, env: { WORKERS_BUDGET_SECONDS: '2' } })
  const client = createClient(service.url)
  await client.register('c-1')
  const { id } = await client.submit('c-1', 'sleep 60s')
  await client.waitFor('c-1', id, 'running')

  const { port } = new URL(service.url)
  const slow = connect(Number(port), '127.0.0.1')
  const body = JSON.stringify({ text: 'accepted while draining' })
  slow.write(
    'POST /v1/containers/c-1/instructions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n',
  )
  slow.write(`Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)
  service.signal('SIGTERM')
  await service.waitForLog('Waiting for active workers to finish (max 2s)...')
  slow.write(body.slice(5))
  const [answer] = (await once(slow, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 202 /)
  assert.equal((await service.exited).code, 0)
  const reader = new Redis(redis.url)
  t.after(() => reader.disconnect())
  assert.equal((await reader.zrange('{baton}:pending:c-1', '0', '-1')).length, 2)
})

test('a body that never ends holds up no shutdown', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  await client.register('c-1')
  await client.waitFor('c-1', (await client.submit('c-1', 'one')).id, 'succeeded')
  const slow = connect(Number(new URL(service.url).port), '127.0.0.1')
  t.after(() => slow.destroy())
  slow.on('error', () => {})
  slow.write(
    'POST /v1/containers/c-1/instructions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n',
  )
  slow.write('Content-Length: 100\r\n\r\n{')
  await client.call('GET', '/livez')
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 0)
  assert.ok(ms < 8000, `took ${ms} ms`)
  assertShutdownLines(service, steps, 'Graceful shutdown completed')
})

test('a port that is taken is told with who has it, exit 1', async (t) => {
  const redis = await startRedis(t)
  const first = await startService(t, { redis })
  const { port } = new URL(first.url)
  const second = await startService(t, { redis, env: { PORT: port }, isReadyAwaited: false })
  assert.equal((await second.exited).code, 1)
  assert.match(
    second.stderr(),
    new RegExp(`^baton: Port ${port} on 127\\.0\\.0\\.1 is taken by ".*main.ts" \\(PID ${first.pid}\\)`),
  )
})

test('a second service on the same SQLite file is refused', async (t) => {
  const redis = await startRedis(t)
  const first = await startService(t, { redis })
  const second = await startService(t, { redis, env: { DATA_DIR: first.dataDir }, isReadyAwaited: false })
  assert.equal((await second.exited).code, 1)
  assert.match(second.stderr(), /baton\.sqlite is in use by another Baton process/)
  assert.equal((await createClient(first.url).call('GET', '/readyz')).status, 200)
})

test('wrong settings are told together, one line each, before anything is opened', async (t) => {
  const env = { PORT: 'x', LOG_LEVEL: 'loud', REDIS_URL: `redis://127.0.0.1:${await freePort()}` }
  const service = await startService(t, { env, isReadyAwaited: false })
  assert.equal((await service.exited).code, 1)
  const lines = service.stderr().trim().split('\n')
  assert.deepEqual(new Set(lines.map((line) => line.split(':')[1]?.trim())), new Set(['PORT', 'LOG_LEVEL']))
  assert.equal(lines.length, 2)
  assert.deepEqual(service.messages(), [])
})
