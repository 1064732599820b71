import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Problem } from '../../src/http/problem.ts'
import { startIssuer } from '../auth/issuer.ts'
import { registered, startHttp } from './support.ts'

const writer = 'writer-token-0123456789'
const reader = 'reader-token-0123456789'
const limited = 'limited-token-0123456789'
const env = { API_TOKENS: `${writer} ${reader}:read ${limited}:write:c-1,c-3` }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Whoever adds a route that is open to all has to say so here too. */
const open = /^\/(livez|readyz|startupz|metrics|version|openapi\.json|docs(\/.*)?)$/

/** Every route with its methods, the hidden ones too, as Fastify's own router knows them. */
function routesOf(app: Awaited<ReturnType<typeof startHttp>>['app']): { method: string; url: string }[] {
  const path: string[] = []
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? []
      path.splice(indent.length / 4, Number.POSITIVE_INFINITY, part)
      const url = path.join('')
      return (methods?.split(', ') ?? []).map((method) => ({ method, url }))
    })
}

const filled = (url: string) =>
  url
    .replace(':containerId', 'c-2')
    .replace(':instructionId', '0b0e7a0c-3a0f-4c5e-8b1a-1d2c3b4a5f60')
    .replace(/\*$/, 'static/swagger-ui.css')

async function walk(t: TestContext) {
  const { app } = await startHttp(t, { env })
  const routes = routesOf(app)
  assert.ok(routes.length > 40, `only ${routes.length} routes`)
  assert.ok(
    routes.some(({ method, url }) => method === 'DELETE' && url === '/v1/containers/:containerId/queue'),
  )
  assert.ok(routes.some(({ url }) => url === '/claude-daemon') && routes.some(({ url }) => url === '/docs/*'))
  return {
    app,
    closed: routes.filter(({ url }) => !open.test(url)),
    opened: routes.filter(({ url }) => open.test(url)),
    async ask(route: { method: string; url: string }, headers: Record<string, string>) {
      const method = route.method as 'GET'
      const answer = await app.inject({ method, url: filled(route.url), headers, payloadAsStream: true })
      answer.stream().destroy()
      return answer
    },
  }
}

test('every route but the open ones answers 401 without and with wrong credentials', async (t) => {
  const { closed, ask } = await walk(t)
  const wrong: Record<string, string>[] = [
    {},
    { authorization: '' },
    { authorization: 'Bearer' },
    { authorization: writer },
    { authorization: `Basic ${Buffer.from(`x:${writer}`).toString('base64')}` },
    bearer('wrong-token-0123456789'),
    bearer(`${writer}x`),
    bearer(`${writer}:write`),
    bearer(`${writer} ${writer}`),
    bearer('a.b.c'),
    { 'x-api-key': writer, cookie: `token=${writer}` },
  ]
  for (const route of closed)
    for (const headers of wrong) {
      const answer = await ask(route, headers)
      const what = `${route.method} ${route.url} with ${JSON.stringify(headers)}`
      assert.equal(answer.statusCode, 401, what)
      assert.match(String(answer.headers['www-authenticate']), /^Bearer realm="baton"/, what)
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, what)
    }
})

test('an open route needs no token and minds none', async (t) => {
  const { opened, ask } = await walk(t)
  for (const route of opened)
    for (const headers of [{}, bearer('wrong-token-0123456789'), bearer(limited)])
      assert.ok(![401, 403].includes((await ask(route, headers)).statusCode), `${route.method} ${route.url}`)
})

test('a token that may read gets 403 from every write, and only from writes', async (t) => {
  const { closed, ask } = await walk(t)
  for (const route of closed) {
    const answer = await ask(route, bearer(reader))
    const isRead = ['GET', 'HEAD', 'OPTIONS'].includes(route.method)
    assert.equal(answer.statusCode === 403, !isRead, `${route.method} ${route.url}: ${answer.statusCode}`)
    assert.notEqual(answer.statusCode, 401)
    if (!isRead) assert.match(String(answer.headers['www-authenticate']), /insufficient_scope/)
  }
})

test('a token of other containers gets 403 from every route but the list and the socket', async (t) => {
  const { closed, ask } = await walk(t)
  for (const route of closed) {
    const answer = await ask(route, bearer(limited))
    const isOfAll = ['/v1/containers', '/claude-daemon'].includes(route.url)
    assert.equal(answer.statusCode === 403, !isOfAll, `${route.method} ${route.url}: ${answer.statusCode}`)
  }
})

test('a token that may write is let in everywhere', async (t) => {
  const { closed, ask } = await walk(t)
  for (const route of closed)
    assert.ok(
      ![401, 403].includes((await ask(route, bearer(writer))).statusCode),
      `${route.method} ${route.url}`,
    )
})

test('what does not exist tells nobody so without a token, in any spelling', async (t) => {
  const { app } = await startHttp(t, { env })
  for (const url of [
    '/v1/nothing',
    '/',
    '//v1/containers',
    '/V1/containers',
    '/v1/containers/',
    '/livez/../v1/pods',
  ])
    assert.equal((await app.inject(url)).statusCode, 401, url)
  for (const url of ['/v1/containers%2Fc-1', '/docs/../v1/containers', '/docs%2f..%2fv1/pods', '/metrics/x'])
    assert.ok([401, 404].includes((await app.inject(url)).statusCode), url)
  assert.equal((await app.inject({ method: 'PATCH', url: '/v1/pods' })).statusCode, 401)
  assert.equal((await app.inject({ url: '/v1/nothing', headers: bearer(reader) })).statusCode, 404)
})

test('the list of a limited token has its own containers only, on every page', async (t) => {
  const { app, write } = await startHttp(t, { env })
  for (const id of ['c-1', 'c-2', 'c-3', 'c-4']) write(id, registered)
  const list = async (token: string, query = '') => {
    const answer = await app.inject({ url: `/v1/containers${query}`, headers: bearer(token) })
    return answer.json<{ items: { id: string }[]; nextCursor: string | null }>()
  }
  const ids = ({ items }: { items: { id: string }[] }) => items.map(({ id }) => id)
  assert.deepEqual(ids(await list(reader)), ['c-1', 'c-2', 'c-3', 'c-4'])
  assert.deepEqual(ids(await list(limited)), ['c-1', 'c-3'])
  const first = await list(limited, '?limit=1')
  const second = await list(limited, `?limit=1&cursor=${first.nextCursor}`)
  assert.deepEqual([...ids(first), ...ids(second), second.nextCursor], ['c-1', 'c-3', null])
  const own = await app.inject({ url: '/v1/containers/c-1', headers: bearer(limited) })
  assert.equal(own.statusCode, 200)
  assert.equal((await app.inject({ url: '/v1/containers/c%2D2', headers: bearer(limited) })).statusCode, 403)
})

test('a JWT comes in like a token, and 503 says when its issuer is away', async (t) => {
  const issuer = await startIssuer(t)
  const { app, write } = await startHttp(t, { env: issuer.env })
  write('c-1', registered)
  const token = await issuer.sign({ scope: 'baton:read' })
  issuer.setDown(true)
  const away = await app.inject({ url: '/v1/containers/c-1', headers: bearer(token) })
  assert.equal(`${away.statusCode} ${away.headers['retry-after']}`, '503 5')
  assert.equal(away.json<Problem>().code, 'issuer_unavailable')
  issuer.setDown(false)
  assert.equal((await app.inject({ url: '/v1/containers/c-1', headers: bearer(token) })).statusCode, 200)
  const write_ = await app.inject({ method: 'PUT', url: '/v1/containers/c-1', headers: bearer(token) })
  assert.equal(write_.json<Problem>().code, 'insufficient_scope')
})

test('without authentication nobody is asked, and a stray token does no harm', async (t) => {
  const { app } = await startHttp(t)
  assert.equal((await app.inject('/v1/containers')).statusCode, 200)
  assert.equal((await app.inject({ url: '/v1/containers', headers: bearer('whatever') })).statusCode, 200)
  const { components, security } = (await app.inject('/openapi.json')).json<Record<string, unknown>>()
  assert.ok(security === undefined && !JSON.stringify(components).includes('bearer'))
})

test('the OpenAPI document names the scheme, and which routes are open', async (t) => {
  const { app } = await startHttp(t, { env })
  const document = (await app.inject('/openapi.json')).json<{
    components: { securitySchemes: Record<string, { type: string; scheme: string }> }
    security: unknown
    paths: Record<string, Record<string, { security?: unknown }>>
  }>()
  assert.partialDeepStrictEqual(document.components.securitySchemes.bearer, {
    type: 'http',
    scheme: 'bearer',
  })
  assert.deepEqual(document.security, [{ bearer: [] }])
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, { security }] of Object.entries(operations))
      assert.deepEqual(security, open.test(path) ? [] : undefined, `${method} ${path}`)
  assert.ok(!JSON.stringify(document).includes(writer))
})
