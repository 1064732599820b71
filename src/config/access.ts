import { isAuthenticated } from '../auth/authenticator.ts'
import { parseTokens } from '../auth/tokens.ts'
import { isLoopback } from '../loopback.ts'
import type { Config } from './settings.ts'

type Access = Pick<
  Config,
  | 'HOST'
  | 'PORT'
  | 'METRICS_PORT'
  | 'ALLOW_ANONYMOUS'
  | 'ALLOWED_ORIGINS'
  | 'API_TOKENS'
  | 'JWT_ISSUER'
  | 'JWT_AUDIENCE'
  | 'JWT_JWKS_URL'
>

/** What is wrong with the settings of who may come in, taken together. */
export function accessProblems(config: Access): string[] {
  const problems = parseTokens(config.API_TOKENS).problems.map((problem) => `API_TOKENS: ${problem}`)
  const hasAuth = isAuthenticated(config)
  if (!hasAuth && !isLoopback(config.HOST) && !config.ALLOW_ANONYMOUS)
    problems.push(
      `HOST: ${JSON.stringify(config.HOST)} is no loopback address and nobody would have to say who they are; ` +
        'expected API_TOKENS or JWT_ISSUER with it, or ALLOW_ANONYMOUS=true',
    )
  if (hasAuth && config.ALLOW_ANONYMOUS)
    problems.push('ALLOW_ANONYMOUS: true with API_TOKENS or JWT_ISSUER; expected one or the other')
  return [...problems, ...jwtProblems(config), ...addressProblems(config)]
}

/** The warning to log at start when nobody has to say who they are, else `undefined`. */
export function accessWarning(config: Access): string | undefined {
  if (isAuthenticated(config)) return undefined
  return isLoopback(config.HOST)
    ? 'No authentication is configured, so only this machine is served: set API_TOKENS or JWT_ISSUER to listen elsewhere'
    : 'ALLOW_ANONYMOUS is true: whoever reaches the service can run its agents'
}

function jwtProblems({ JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL }: Access): string[] {
  const problems: string[] = []
  if (JWT_ISSUER !== '' && JWT_AUDIENCE === '')
    problems.push('JWT_AUDIENCE: is not set; expected the audience of this service, with JWT_ISSUER')
  if (JWT_ISSUER === '' && JWT_AUDIENCE !== '')
    problems.push('JWT_AUDIENCE: is of no use alone; expected JWT_ISSUER with it')
  if (JWT_ISSUER === '' && JWT_JWKS_URL !== '')
    problems.push('JWT_JWKS_URL: is of no use alone; expected JWT_ISSUER with it')
  // Keys that come over plain HTTP could be anybody's.
  for (const [name, url] of Object.entries({ JWT_ISSUER, JWT_JWKS_URL }))
    if (url !== '' && !isTrustworthy(url))
      problems.push(`${name}: ${JSON.stringify(url)}; expected https://..., or http:// on loopback`)
  return problems
}

function addressProblems({ PORT, METRICS_PORT, ALLOWED_ORIGINS }: Access): string[] {
  const problems: string[] = []
  if (METRICS_PORT !== undefined && METRICS_PORT === PORT && PORT !== 0)
    problems.push(`METRICS_PORT: ${METRICS_PORT} is PORT too; expected another port`)
  for (const origin of originsOf(ALLOWED_ORIGINS))
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      problems.push(
        `ALLOWED_ORIGINS: ${JSON.stringify(origin)}; expected an origin like https://baton.example.org`,
      )
  return problems
}

export const originsOf = (setting: string): string[] =>
  setting
    .split(',')
    .map((origin) => origin.trim())
    .filter(Boolean)

function isTrustworthy(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
}
