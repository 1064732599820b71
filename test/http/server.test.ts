import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import type { Problem } from '../../src/http/problem.ts'
import { createMethods } from '../../src/http/methods.ts'
import { instructionA, queued } from '../history/support.ts'
import { registered, startHttp, type TestHttp } from './support.ts'

async function raw(t: TestContext, http: TestHttp, bytes: string): Promise<string> {
  const socket = connectTcp(Number(new URL(http.url).port), '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write(bytes)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString()
}

test('a method that a path does not have is 405 with those it has', async (t) => {
  const { app } = await startHttp(t)
  const cases = [
    ['PATCH', '/v1/containers/c-1', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/v1/containers/c-1/start?x=1', 'POST'],
    ['POST', '/livez', 'GET, HEAD'],
    ['POST', '/claude-daemon', 'GET, HEAD'],
  ] as const
  for (const [method, url, allow] of cases) {
    const answer = await app.inject({ method, url })
    assert.equal(`${answer.statusCode} ${answer.headers.allow}`, `405 ${allow}`, `${method} ${url}`)
    assert.equal(answer.json<Problem>().code, 'method_not_allowed')
  }
  assert.equal((await app.inject({ method: 'POST', url: '/v1/nothing' })).statusCode, 404)
})

test('a path is text where it is text', () => {
  const methods = createMethods()
  methods.add({ method: 'GET', url: '/a.b/:id' })
  methods.add({ method: ['PUT', 'GET'], url: '/docs/*' })
  assert.deepEqual(methods.of('/a.b/1?c'), ['GET'])
  assert.deepEqual(methods.of('/axb/1'), [])
  assert.deepEqual(methods.of('/a.b/1/2'), [])
  assert.deepEqual(methods.of('/docs/x/y'), ['GET', 'PUT'])
})

test('what the parser refuses says whether it was the bytes or the size', async (t) => {
  const http = await startHttp(t)
  assert.match(
    await raw(t, http, 'no HTTP at all\r\n\r\n'),
    /^HTTP\/1\.1 400 Bad Request\r\n[^]*"requestId":"/,
  )
  const large = `GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`
  assert.match(
    await raw(t, http, large),
    /^HTTP\/1\.1 431 [^]*application\/problem\+json[^]*headers_too_large/,
  )
})

test('on loopback only loopback names are answered; elsewhere a probe without Host is too', async (t) => {
  const local = await startHttp(t)
  for (const host of ['127.0.0.1:1', 'localhost', 'LOCALHOST:80', '[::1]:3000'])
    assert.equal((await local.app.inject({ url: '/livez', headers: { host } })).statusCode, 200, host)
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:3000'])
    assert.equal((await local.app.inject({ url: '/livez', headers: { host } })).statusCode, 403, host)
  assert.match(await raw(t, local, 'GET /livez HTTP/1.0\r\n\r\n'), / 403 /)
  const open = await startHttp(t, { env: { HOST: '0.0.0.0', ALLOW_ANONYMOUS: 'true' } })
  assert.match(await raw(t, open, 'GET /livez HTTP/1.0\r\n\r\n'), / 200 /)
  const headers = { host: 'baton.example', origin: 'https://evil.example' }
  assert.equal((await open.app.inject({ url: '/livez', headers })).statusCode, 403)
})

test('an unexpected error is told to the log with its cause and to nobody else', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) })
  const register = () => Promise.reject(new Error('outer secret', { cause: new Error('inner secret') }))
  const { app } = await startHttp(t, {
    log,
    deps: { containers: { register, forget: register } },
  })
  const answer = await app.inject({ method: 'PUT', url: '/v1/containers/c-1' })
  assert.equal(answer.statusCode, 500)
  assert.ok(!answer.body.includes('secret'))
  const { requestId } = answer.json<Problem>()
  const failed = lines.find((line) => line.includes('Request failed')) ?? ''
  assert.ok(failed.includes('inner secret') && failed.includes(requestId))
  const answered = lines.filter((line) => line.includes('Request answered') && line.includes(requestId))
  assert.equal(answered.length, 1)
})

test('pages follow one another to the end, and each item comes once', async (t) => {
  const { app, write } = await startHttp(t)
  for (let n = 0; n < 25; n += 1) write(`c-${n}`, registered)
  const ids: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query = { limit: '10', ...(cursor === '' ? {} : { cursor }) }
    const answer = await app.inject({ url: '/v1/containers', query })
    const page: { items: { id: string }[]; nextCursor: string | null } = answer.json()
    ids.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor
  }
  assert.equal(ids.length, 25)
  assert.equal(new Set(ids).size, 25)
  const events = await app.inject('/v1/containers/c-1/events?afterSeq=0&limit=1')
  assert.partialDeepStrictEqual(events.json(), { headSeq: 1, oldestSeq: 1, epoch: 'epoch-1' })
})

test('what is not projected yet is looked for again before it is called unknown', async (t) => {
  let asked = 0
  const http = await startHttp(t, {
    deps: {
      tail: {
        async caughtUp() {
          asked += 1
          http.write('c-1', registered, queued())
        },
      },
    },
  })
  const answer = await http.app.inject(`/v1/containers/c-1/instructions/${instructionA}`)
  assert.equal(answer.statusCode, 200)
  assert.equal((await http.app.inject(`/v1/containers/c-1/instructions/${instructionA}`)).statusCode, 200)
  assert.equal(asked, 1)
})

test('the docs page asks nothing of other machines', async (t) => {
  const { app } = await startHttp(t)
  const page = await app.inject('/docs')
  assert.equal(page.statusCode, 200)
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '')
  assert.ok(sources.length > 3)
  for (const source of sources) {
    assert.doesNotMatch(source, /^(https?:)?\/\//)
    assert.equal(
      (await app.inject(new URL(source, 'http://localhost/docs/').pathname)).statusCode,
      200,
      source,
    )
  }
})

test('every documented route has a summary, a tag and its problems', async (t) => {
  const { app } = await startHttp(t)
  interface Operation {
    summary?: string
    tags?: string[]
    responses: Record<string, { content?: Record<string, unknown> }>
  }
  const document = (await app.inject('/openapi.json')).json<{
    openapi: string
    tags: { name: string }[]
    paths: Record<string, Record<string, Operation>>
  }>()
  assert.equal(document.openapi, '3.1.0')
  const tags = document.tags.map(({ name }) => name)
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { summary, tags: own = [], responses }] of Object.entries(operations)) {
      assert.ok(summary, `${method} ${path}`)
      assert.ok(own.length === 1 && own.every((tag) => tags.includes(tag)), `${method} ${path}`)
      if (!path.startsWith('/v1/')) continue
      for (const status of ['4XX', '5XX'])
        assert.ok(responses[status]?.content?.['application/problem+json'], `${method} ${path} ${status}`)
    }
  }
})
