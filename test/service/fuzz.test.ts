import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFuzz } from '../http/limits/mutate.ts'
import { createClient } from '../support/client.ts'
import { startRedis } from '../support/redis.ts'
import { startService } from '../support/service.ts'

const requests = 1500
const known = ['f-1', 'f-2']

test('1,500 random requests to every route of the description: no answer is a 5xx, and the service lives', async (t) => {
  const redis = await startRedis(t)
  const service = await startService(t, { redis })
  const client = createClient(service.url)
  for (const id of known) {
    await client.register(id)
    // Nothing runs: what is asked is the routes, not the agents.
    await client.call('POST', `/v1/containers/${id}/queue/pause`)
  }
  const description = (await client.call('GET', '/openapi.json')).body as {
    paths: Record<string, Record<string, object>>
  }
  const routes = Object.entries(description.paths)
    .filter(([path]) => !/\/(start|restart|resume|stream)$/.test(path))
    .flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
    )
  assert.ok(routes.length > 15)
  const fuzz = createFuzz(4711)
  const text = () => encodeURIComponent(JSON.stringify(fuzz.value())).slice(0, 300)
  const statuses = new Map<number, number>()

  async function askOne() {
    const { path, method } = fuzz.pick(routes)
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
      name === 'containerId' && !fuzz.chance(4) ? fuzz.pick(known) : text(),
    )
    const query = fuzz.chance(2)
      ? `?${fuzz.pick(['limit', 'cursor', 'afterSeq', 'state', 'x'])}=${text()}`
      : ''
    const body =
      method === 'GET' || fuzz.chance(5)
        ? undefined
        : fuzz.pick([
            () => JSON.stringify(fuzz.value()),
            () => fuzz.mutate('{"text":"sleep 1s","resumePolicy":"ask"}'),
            () => JSON.stringify({ text: fuzz.value(), position: fuzz.value(), resumePolicy: fuzz.value() }),
            () => JSON.stringify({ text: 'hi', position: fuzz.below(9) }),
            () => '{"text":"hi"}',
            () => `{"text":"hi","resumePolicy":"${fuzz.pick(['ask', 'restart', 'continue'])}"}`,
          ])()
    const answer = await fetch(`${service.url}${filled}${query}`, {
      method,
      ...(body === undefined ? {} : { body }),
      headers: {
        'content-type': fuzz.chance(10) ? 'text/plain' : 'application/json',
        ...(fuzz.chance(4) ? { 'idempotency-key': text() } : {}),
      },
    })
    const said = await answer.text()
    assert.ok(answer.status < 500, `${method} ${filled}${query} ${body}: ${answer.status} ${said}`)
    if (answer.status >= 400) assert.match(String(answer.headers.get('content-type')), /problem\+json/, said)
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
  }

  for (let n = 0; n < requests; n += 1) await askOne()
  for (const status of [200, 202, 400, 404, 415])
    assert.ok((statuses.get(status) ?? 0) > 5, `${status}: ${JSON.stringify([...statuses])}`)
  assert.equal((await client.call('GET', '/readyz')).status, 200)
  assert.deepEqual(
    service.lines.filter(({ level }) => level === 'error' || level === 'fatal'),
    [],
  )
})
