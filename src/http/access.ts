import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Authenticator } from '../auth/authenticator.ts'
import { type Grant, mayUse, mayWrite } from '../auth/grant.ts'
import { isServiceError, serviceError } from '../errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** `null` on open routes, and on a WebSocket that will say who it is in its first frame. */
    grant: Grant | null
  }
}

export const socketPath = '/claude-daemon'
const probes = new Set(['/livez', '/readyz', '/startupz', '/metrics', '/version'])

/** Probes and Prometheus come to a pod's own address and have no token. */
export const isForThePod = ({ routeOptions: { url } }: FastifyRequest) => url !== undefined && probes.has(url)

/** The documentation says what anybody can read in the source, and a browser can send no header with an address. */
const isOpen = (request: FastifyRequest) => {
  const { url } = request.routeOptions
  return isForThePod(request) || url === '/openapi.json' || /^\/docs(\/|$)/.test(url ?? '')
}

const isSocket = ({ routeOptions: { url }, headers }: FastifyRequest) =>
  url === socketPath && headers.upgrade?.toLowerCase() === 'websocket'

/** Every route is closed unless it is one of the open ones: a route that nobody thought of needs a token. */
export function createGuard(authenticator: Authenticator) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (isOpen(request)) return
    const { authorization } = request.headers
    // The WebSocket of a browser cannot send the header.
    if (authenticator.isRequired && authorization === undefined && isSocket(request)) return
    try {
      request.grant = await authenticator.caller(authorization, request.ip)
      assertAllowed(request, request.grant)
    } catch (error) {
      const challenge = challengeOf(error, authorization !== undefined)
      if (challenge !== undefined) reply.header('www-authenticate', challenge)
      throw error
    }
  }
}

function assertAllowed({ method, params, routeOptions: { url } }: FastifyRequest, grant: Grant) {
  if (!['GET', 'HEAD', 'OPTIONS'].includes(method) && !mayWrite(grant))
    throw serviceError('insufficient_scope', 'The token may only read')
  if (grant.containers === null || url === undefined || url === '/v1/containers' || url === socketPath) return
  const { containerId } = params as { containerId?: string }
  // What is of no container is of all of them.
  if (containerId === undefined || !mayUse(grant, containerId)) throw serviceError('container_not_allowed')
}

/** RFC 6750, section 3: no error code for who has not tried. */
function challengeOf(error: unknown, hasTried: boolean): string | undefined {
  if (!isServiceError(error)) return undefined
  if (error.code === 'unauthenticated')
    return `Bearer realm="baton"${hasTried ? ', error="invalid_token"' : ''}`
  return error.code === 'insufficient_scope' || error.code === 'container_not_allowed'
    ? 'Bearer realm="baton", error="insufficient_scope"'
    : undefined
}
