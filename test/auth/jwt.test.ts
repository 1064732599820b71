import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { SignJWT, UnsecuredJWT } from 'jose'
import { createAuthenticator } from '../../src/auth/authenticator.ts'
import { mayUse, mayWrite } from '../../src/auth/grant.ts'
import { loadConfig } from '../../src/config.ts'
import { startIssuer } from './issuer.ts'

async function start(t: TestContext, env: NodeJS.ProcessEnv = {}) {
  const issuer = await startIssuer(t)
  const { authenticate } = createAuthenticator(loadConfig({ ...issuer.env, ...env }))
  const refused = (token: string, code: string) => assert.rejects(authenticate(token), { code })
  return { issuer, authenticate, refused }
}

test('a JWT of the issuer has the scope and the containers of its claims', async (t) => {
  const { issuer, authenticate } = await start(t)
  const all = await authenticate(await issuer.sign({ scope: 'openid baton:write' }))
  assert.ok(mayWrite(all) && mayUse(all, 'anything'))
  assert.ok(Math.abs(Number(all.expiresAt) - Date.now() - 3_600_000) < 5000)
  const reader = await authenticate(
    await issuer.sign({ scope: 'baton:read', baton_containers: ['c-1', 'c-2'] }),
  )
  assert.ok(!mayWrite(reader) && mayUse(reader, 'c-2') && !mayUse(reader, 'c-3'))
  const words = await authenticate(await issuer.sign({ scope: 'baton:read', baton_containers: 'c-1 c-2' }))
  assert.ok(mayUse(words, 'c-1') && !mayUse(words, 'c-1 c-2'))
  for (const baton_containers of [[], {}, 7, null, [['c-1']]])
    assert.ok(
      !mayUse(await authenticate(await issuer.sign({ scope: 'baton:read', baton_containers })), 'c-1'),
    )
  assert.deepEqual(issuer.asked, ['/.well-known/openid-configuration', '/keys'], 'the keys are fetched once')
})

test('a JWT that is not meant for this service, is old, or was signed by another is refused', async (t) => {
  const { issuer, refused } = await start(t)
  const scope = 'baton:write'
  await refused(await issuer.sign({ scope, aud: 'another' }), 'unauthenticated')
  await refused(await issuer.sign({ scope, iss: 'https://evil.example' }), 'unauthenticated')
  await refused(
    await issuer.sign({ scope }, { expires: Math.floor(Date.now() / 1000) - 60 }),
    'unauthenticated',
  )
  await refused(await issuer.signByStranger({ scope }), 'unauthenticated')
  await refused(await issuer.sign({ scope: 'openid' }), 'insufficient_scope')
  await refused(await issuer.sign({}), 'insufficient_scope')
  for (const token of ['a.b.c', '..', 'x'.repeat(40), `${await issuer.sign({ scope })}x`])
    await refused(token, 'unauthenticated')
})

test('neither an unsigned JWT nor one signed with the public key as a secret is taken', async (t) => {
  const { issuer, refused } = await start(t)
  const claims = { scope: 'baton:write', sub: 'someone', iss: issuer.url, aud: 'baton' }
  await refused(new UnsecuredJWT(claims).setExpirationTime('1h').encode(), 'unauthenticated')
  const secret = new TextEncoder().encode(JSON.stringify(issuer.publicKey))
  const forged = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k-1' }).setExpirationTime('1h')
  await refused(await forged.sign(secret), 'unauthenticated')
})

test('an issuer that does not answer is no fault of the token, and is asked again', async (t) => {
  const { issuer, authenticate, refused } = await start(t)
  const token = await issuer.sign({ scope: 'baton:write' })
  issuer.setDown(true)
  await refused(token, 'issuer_unavailable')
  issuer.setDown(false)
  assert.ok(mayWrite(await authenticate(token)))
})

test('the keys can be given, and then nothing is discovered', async (t) => {
  const issuer = await startIssuer(t)
  const { authenticate } = createAuthenticator(
    loadConfig({ ...issuer.env, JWT_JWKS_URL: `${issuer.url}/keys` }),
  )
  await authenticate(await issuer.sign({ scope: 'baton:read' }))
  assert.deepEqual(issuer.asked, ['/keys'])
})

test('a discovery document of another issuer is not believed', async (t) => {
  const { issuer, refused } = await start(t)
  issuer.callItself('https://evil.example')
  await refused(await issuer.sign({ scope: 'baton:write' }), 'issuer_unavailable')
})

test('tokens and JWTs work side by side', async (t) => {
  const { issuer, authenticate, refused } = await start(t, { API_TOKENS: 'a-token-of-20-letters:read' })
  assert.ok(!mayWrite(await authenticate('a-token-of-20-letters')))
  assert.ok(mayWrite(await authenticate(await issuer.sign({ scope: 'baton:write' }))))
  await refused('another-token-of-20-letters', 'unauthenticated')
})
