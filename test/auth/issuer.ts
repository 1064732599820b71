import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type CryptoKey, type JWTPayload, SignJWT, exportJWK, generateKeyPair } from 'jose'

/** A small OpenID issuer on loopback, with keys that it can exchange and a door that it can close. */
export async function startIssuer(t: TestContext) {
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (isDown) {
      response.writeHead(500).end()
      return
    }
    const body = request.url === '/keys' ? { keys } : { issuer: named ?? url, jwks_uri: `${url}/keys` }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const asked: string[] = []
  let isDown = false
  let named: string | undefined
  const pair = await generateKeyPair('ES256')
  const keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'k-1', alg: 'ES256' }]
  const stranger = await generateKeyPair('ES256')

  const sign = (claims: JWTPayload, options: { by?: CryptoKey; expires?: string | number } = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'k-1' })
      .setIssuer(claims.iss ?? url)
      .setAudience(String(claims.aud ?? 'baton'))
      .setSubject('someone')
      .setExpirationTime(options.expires ?? '1h')
      .sign(options.by ?? pair.privateKey)

  return {
    url,
    asked,
    sign,
    signByStranger: (claims: JWTPayload) => sign(claims, { by: stranger.privateKey }),
    publicKey: keys[0],
    setDown(value: boolean) {
      isDown = value
    },
    callItself(name: string) {
      named = name
    },
    env: { JWT_ISSUER: url, JWT_AUDIENCE: 'baton' },
  }
}
