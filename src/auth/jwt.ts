import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { serviceError } from '../errors.ts'
import { type Grant, sha256 } from './grant.ts'

/** The claim that limits a token to containers: a list of ids, or ids with spaces between them. */
export const containersClaim = 'baton_containers'

const timeoutMs = 5000
/** Clocks of two machines. */
const toleranceSeconds = 5
/** Asymmetric ones only: a key that everybody can fetch must not be one that signs. */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

/** Checks tokens of an OpenID provider by its published keys, which are fetched when the first token comes. */
export function createJwt(settings: { issuer: string; audience: string; jwksUrl: string }) {
  const { issuer, audience, jwksUrl } = settings
  let keys: Promise<JWTVerifyGetKey> | undefined

  async function findKeys(): Promise<JWTVerifyGetKey> {
    const url = jwksUrl === '' ? await discover(issuer) : jwksUrl
    return createRemoteJWKSet(new URL(url), { timeoutDuration: timeoutMs })
  }

  function keysOnce(): Promise<JWTVerifyGetKey> {
    keys ??= findKeys().catch((cause: unknown) => {
      keys = undefined
      throw serviceError('issuer_unavailable', undefined, cause)
    })
    return keys
  }

  return async (token: string): Promise<Grant> => {
    const getKey = await keysOnce()
    const verified = jwtVerify(token, getKey, {
      issuer,
      audience,
      algorithms,
      clockTolerance: toleranceSeconds,
      requiredClaims: ['exp'],
    })
    const { payload } = await verified.catch((cause: unknown) => {
      // What is no fault of the token is no 401: its bearer would throw it away.
      if (!isTokensFault(cause)) throw serviceError('issuer_unavailable', undefined, cause)
      throw serviceError('unauthenticated', 'The token is not valid', cause)
    })
    return grantOf(payload)
  }
}

const isTokensFault = (cause: unknown) =>
  cause instanceof errors.JWTExpired ||
  cause instanceof errors.JWTClaimValidationFailed ||
  cause instanceof errors.JWTInvalid ||
  cause instanceof errors.JWSInvalid ||
  cause instanceof errors.JWSSignatureVerificationFailed ||
  cause instanceof errors.JWKSNoMatchingKey ||
  cause instanceof errors.JWKSMultipleMatchingKeys ||
  cause instanceof errors.JOSEAlgNotAllowed ||
  cause instanceof errors.JOSENotSupported

async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' })
  if (!answer.ok) throw new Error(`${url} answers ${answer.status}`)
  const found = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown }
  if (found.issuer !== issuer) throw new Error(`${url} is of another issuer`)
  if (typeof found.jwks_uri !== 'string') throw new Error(`${url} names no jwks_uri`)
  return found.jwks_uri
}

function grantOf(payload: JWTPayload): Grant {
  const scopes = words(payload.scope) ?? []
  const scope = scopes.includes('baton:write') ? 'write' : scopes.includes('baton:read') ? 'read' : null
  if (scope === null)
    throw serviceError('insufficient_scope', 'The token has neither the scope baton:read nor baton:write')
  const limit = payload[containersClaim]
  const containers = limit === undefined ? null : new Set(words(limit) ?? [])
  const key = `subject:${sha256(`${payload.iss} ${payload.sub}`).toString('hex', 0, 8)}`
  return { scope, containers, key, expiresAt: Number(payload.exp) * 1000 }
}

/** A claim of another form allows nothing. */
function words(claim: unknown): string[] | undefined {
  if (typeof claim === 'string') return claim.split(' ').filter(Boolean)
  return Array.isArray(claim) ? claim.filter((item): item is string => typeof item === 'string') : undefined
}
