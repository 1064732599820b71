import type { Config } from '../config.ts'
import { serviceError } from '../errors.ts'
import { type Grant, anonymous } from './grant.ts'
import { createJwt } from './jwt.ts'
import { createTokens, parseTokens } from './tokens.ts'

export type AuthSettings = Pick<Config, 'API_TOKENS' | 'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_JWKS_URL'>

export const isAuthenticated = ({
  API_TOKENS,
  JWT_ISSUER,
}: Pick<AuthSettings, 'API_TOKENS' | 'JWT_ISSUER'>) => API_TOKENS !== '' || JWT_ISSUER !== ''

/** Who a caller is. Rejects with `unauthenticated`, or with `issuer_unavailable` when it cannot be said now. */
export function createAuthenticator(config: AuthSettings) {
  const findToken = createTokens(parseTokens(config.API_TOKENS).entries)
  const verify =
    config.JWT_ISSUER === ''
      ? undefined
      : createJwt({
          issuer: config.JWT_ISSUER,
          audience: config.JWT_AUDIENCE,
          jwksUrl: config.JWT_JWKS_URL,
        })
  const isRequired = isAuthenticated(config)

  async function authenticate(token: string): Promise<Grant> {
    const grant = findToken(token)
    if (grant !== undefined) return grant
    if (verify !== undefined && token.split('.').length === 3) return verify(token)
    throw serviceError('unauthenticated', 'The token is not known')
  }

  return {
    isRequired,
    authenticate,
    /** `authorization` is the header; without authentication it is not even looked at. */
    async caller(authorization: string | undefined, address: string): Promise<Grant> {
      if (!isRequired) return anonymous(address)
      if (authorization === undefined) throw serviceError('unauthenticated')
      const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
      if (token === undefined)
        throw serviceError('unauthenticated', 'Expected `Authorization: Bearer <token>`')
      return authenticate(token)
    },
  }
}

export type Authenticator = ReturnType<typeof createAuthenticator>
