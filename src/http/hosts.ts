import { isLoopback } from '../loopback.ts'

/**
 * Keeps web pages out: a page of another site has a foreign Origin, one that rebinds its name to this machine has a
 * foreign Host. Bound to loopback, only loopback names are ours.
 */
export function createHostCheck(boundTo: string) {
  const isLocal = isLoopback(boundTo)
  return ({ host, origin }: { host?: string | undefined; origin?: string | undefined }): boolean => {
    // HTTP/1.0 probes of load balancers send no Host; a page always has one.
    const name = nameOf(`http://${host ?? ''}`)
    if (isLocal && (name === null || !isLoopback(name))) return false
    return origin === undefined || originHost(origin) === host
  }
}

function nameOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : null
}

const originHost = (origin: string) => (URL.canParse(origin) ? new URL(origin).host : null)
