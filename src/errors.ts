/** Every error that a client can see: code, HTTP status, title, and seconds after which a retry makes sense. */
export const errorCodes = {
  validation_failed: { status: 400, title: 'The request does not match the schema' },
  invalid_json: { status: 400, title: 'The body is not valid JSON' },
  unauthenticated: { status: 401, title: 'A valid bearer token is needed' },
  insufficient_scope: { status: 403, title: 'The token does not allow this' },
  container_not_allowed: { status: 403, title: 'The token is for other containers' },
  route_not_found: { status: 404, title: 'No such route' },
  container_not_found: { status: 404, title: 'No such container' },
  instruction_not_found: { status: 404, title: 'No such instruction' },
  method_not_allowed: { status: 405, title: 'The method does not exist on this route' },
  instruction_not_queued: { status: 409, title: 'The instruction is no longer queued' },
  instruction_ended: { status: 409, title: 'The instruction has already ended' },
  instruction_not_ended: { status: 409, title: 'The instruction has not ended yet' },
  container_busy: { status: 409, title: 'The container still has unfinished instructions' },
  nothing_running: { status: 409, title: 'No instruction is running' },
  daemon_start_failed: { status: 502, title: 'The agent did not start' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  body_too_large: { status: 413, title: 'The body is too large' },
  instruction_too_large: { status: 413, title: 'The instruction text is too large' },
  unsupported_media_type: { status: 415, title: 'Writes need application/json' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used for another body' },
  queue_full: { status: 429, title: 'The queue of this container is full', retryAfterSeconds: 5 },
  rate_limited: { status: 429, title: 'Too many requests' },
  too_many_containers: { status: 429, title: 'There are too many containers', retryAfterSeconds: 60 },
  too_many_followers: { status: 429, title: 'Too many clients follow this container', retryAfterSeconds: 5 },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  host_not_allowed: { status: 403, title: 'The Host or Origin header is not allowed' },
  internal_error: { status: 500, title: 'Unexpected error' },
  draining: { status: 503, title: 'This pod is shutting down', retryAfterSeconds: 1 },
  overloaded: { status: 503, title: 'This pod has too much to do', retryAfterSeconds: 2 },
  too_many_sockets: { status: 503, title: 'This pod has too many sockets', retryAfterSeconds: 5 },
  no_owner: { status: 503, title: 'No pod can take this container now', retryAfterSeconds: 1 },
  issuer_unavailable: {
    status: 503,
    title: 'The issuer of the token does not answer',
    retryAfterSeconds: 5,
  },
  redis_unavailable: { status: 503, title: 'Redis does not answer', retryAfterSeconds: 2 },
  history_unavailable: { status: 503, title: 'The history cannot be written or read', retryAfterSeconds: 5 },
} as const satisfies Record<string, { status: number; title: string; retryAfterSeconds?: number }>

export type ErrorCode = keyof typeof errorCodes

export interface ServiceError extends Error {
  name: 'ServiceError'
  code: ErrorCode
}

export function serviceError(
  code: ErrorCode,
  detail: string = errorCodes[code].title,
  cause?: unknown,
): ServiceError {
  const error = new Error(detail, cause === undefined ? undefined : { cause })
  return Object.assign(error, { name: 'ServiceError' as const, code })
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && error.name === 'ServiceError'
}

/** What an unknown thing that was thrown says. */
export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
