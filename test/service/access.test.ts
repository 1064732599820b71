import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { BatonError, createBatonClient } from 'baton/client'
import { until } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { assertShutdownLines, steps } from '../shutdown/lines.ts'
import { startService } from '../support/service.ts'

const writer = 'writer-token-0123456789'
const reader = 'reader-token-0123456789'
const limited = 'limited-token-0123456789'

async function start(t: TestContext, env: Record<string, string> = {}) {
  const redis = await startRedis(t)
  const tokensFile = join(redis.dir, 'tokens')
  await writeFile(tokensFile, `${writer}\n${reader}:read\n${limited}:write:c-2\n`)
  const given = { API_TOKENS_FILE: tokensFile, METRICS_PORT: '0', LOG_LEVEL: 'trace', ...env }
  const service = await startService(t, { redis, env: given })
  const { url: metricsUrl } = await service.waitForLog('Listening for metrics and probes')
  return {
    ...service,
    metricsUrl: String(metricsUrl),
    as: (token: string) => createBatonClient({ url: service.url, token }),
    status: async (url: string, headers: Record<string, string> = {}) => {
      const answer = await fetch(url, { headers })
      await answer.body?.cancel()
      return answer.status
    },
  }
}

const refusedWith = (code: string) => (error: unknown) => error instanceof BatonError && error.code === code

test('a client with a token does everything, one that may read sees it, and no log has a token', async (t) => {
  const service = await start(t)
  await service.as(writer).register('c-1')
  const { id } = await service.as(writer).submit('c-1', 'say hello')
  const seen: string[] = []
  for await (const event of service.as(reader).events({ containerId: 'c-1', afterSeq: 0 })) {
    seen.push(event.type)
    if (event.type === 'instruction.succeeded') break
  }
  assert.ok(seen.includes('agent.message'))
  assert.equal((await service.as(reader).instruction('c-1', id)).state, 'succeeded')
  await assert.rejects(service.as(reader).submit('c-1', 'say no'), refusedWith('insufficient_scope'))
  await assert.rejects(service.as(limited).submit('c-1', 'say no'), refusedWith('container_not_allowed'))
  await assert.rejects(service.as(`${writer}x`).register('c-1'), refusedWith('unauthenticated'))
  await service.as(limited).register('c-2')
  for (const token of [limited, `${writer}x`]) {
    const events = service.as(token).events({ containerId: 'c-1', afterSeq: 0 })
    await assert.rejects(events.next(), BatonError)
  }
  service.signal('SIGTERM')
  assert.equal((await service.exited).code, 0)
  const log = service.lines.map((line) => JSON.stringify(line)).join('\n') + service.stderr()
  assert.match(log, /Request answered/)
  for (const token of [writer, reader, limited, writer.slice(0, 12)]) assert.ok(!log.includes(token), token)
})

test('a service without tokens says that only this machine is served', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const warning = service.lines.find(({ msg }) => msg.startsWith('No authentication is configured'))
  assert.equal(warning?.level, 'warn')
})

test('asked to listen elsewhere without tokens it does not start, and says what to do', async (t) => {
  const service = await startService(t, { env: { HOST: '192.0.2.1' }, isReadyAwaited: false })
  assert.equal((await service.exited).code, 1)
  assert.match(service.stderr(), /HOST: "192\.0\.2\.1".*API_TOKENS or JWT_ISSUER.*ALLOW_ANONYMOUS=true/)
})

test('metrics are on their own port only, and probes on both until the HTTP step', async (t) => {
  const service = await start(t, { DRAIN_SECONDS: '1', WORKERS_BUDGET_SECONDS: '3' })
  const { url, metricsUrl, status } = service
  assert.equal(await status(`${metricsUrl}/metrics`), 200)
  assert.equal(await status(`${url}/metrics`), 401)
  assert.equal(await status(`${url}/metrics`, { authorization: `Bearer ${writer}` }), 404)
  for (const base of [url, metricsUrl])
    for (const probe of ['livez', 'readyz', 'startupz', 'version'])
      assert.equal(await status(`${base}/${probe}`), 200, `${base}/${probe}`)
  assert.equal(await status(`${metricsUrl}/v1/containers`, { authorization: `Bearer ${writer}` }), 404)

  await service.as(writer).register('c-1')
  await service.as(writer).submit('c-1', 'sleep 30s')
  await service.waitForLog('Claude session started')
  service.signal('SIGTERM')
  const lastSeen = { live: 0, ready: 0 }
  await until('the HTTP step', async () => {
    const isOver = service.messages().includes('WebSocket server closed')
    const answers = await Promise.all([status(`${metricsUrl}/livez`), status(`${metricsUrl}/readyz`)]).catch(
      () => null,
    )
    if (answers !== null) {
      assert.equal(answers[0], 200)
      lastSeen.live = performance.now()
      if (answers[1] === 503) lastSeen.ready = performance.now()
    } else assert.ok(service.messages().includes('WebSocket server closed'), 'the probes went away too early')
    return isOver
  })
  const { code } = await service.exited
  assert.equal(code, 0)
  assert.ok(lastSeen.ready > 0 && lastSeen.live > 0)
  assertShutdownLines(service, steps, 'Graceful shutdown completed')
})

test('a scraper that keeps its connection holds up no shutdown', async (t) => {
  const service = await start(t)
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const kept = await new Promise((resolve, reject) => {
    const asked = request(`${service.metricsUrl}/metrics`, { agent }, (answer) => {
      answer.resume().once('end', () => resolve(answer.headers['keep-alive']))
    })
    asked.once('error', reject).end()
  })
  assert.equal(kept, 'timeout=72')
  service.signal('SIGTERM')
  const { code, ms } = await service.exited
  assert.equal(code, 0)
  assert.ok(ms < 4000, `took ${ms} ms`)
})

test('an idle connection stays open as long as KEEP_ALIVE_SECONDS says', async (t) => {
  const service = await start(t, { KEEP_ALIVE_SECONDS: '620' })
  const agent = new Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  const kept = await new Promise((resolve, reject) => {
    const asked = request(`${service.url}/livez`, { agent }, (answer) => {
      answer.resume().once('end', () => resolve(answer.headers['keep-alive']))
    })
    asked.once('error', reject).end()
  })
  assert.equal(kept, 'timeout=620')
})
