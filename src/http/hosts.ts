import { isIP } from 'node:net'
import { originsOf } from '../config/access.ts'
import type { Config } from '../config.ts'
import { isLoopback } from '../loopback.ts'

/** Names that no stranger can register, so that none can point one of them at us. */
const privateName = /^[^.]+$|\.(localhost|local|internal|svc|test)$/

/**
 * Keeps web pages out: a page of another site has a foreign Origin, one that rebinds its name to this machine has a
 * foreign Host. Bound to loopback, only loopback names are ours. Elsewhere a rebound page has no token; where none is
 * asked for, only addresses and names that are not public are ours. `ALLOWED_ORIGINS` adds to both.
 */
export function createHostCheck(
  { HOST, ALLOWED_ORIGINS }: Pick<Config, 'HOST' | 'ALLOWED_ORIGINS'>,
  hasAuth: boolean,
) {
  const isLocal = isLoopback(HOST)
  const origins = new Set(originsOf(ALLOWED_ORIGINS))
  const hosts = new Set([...origins].map(originHost))

  function isOurs(host: string | undefined): boolean {
    if (hosts.has(host ?? null)) return true
    const name = nameOf(`http://${host ?? ''}`)
    if (isLocal) return name !== null && isLoopback(name)
    // HTTP/1.0 probes of load balancers send no Host; a page always has one.
    if (hasAuth || host === undefined) return true
    return name !== null && (isIP(name) !== 0 || privateName.test(name))
  }

  return ({ host, origin }: { host?: string | undefined; origin?: string | undefined }): boolean =>
    isOurs(host) && (origin === undefined || origins.has(origin) || originHost(origin) === host)
}

function nameOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : null
}

const originHost = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : null)
