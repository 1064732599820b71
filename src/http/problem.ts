import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type ErrorCode, errorCodes, isServiceError } from '../errors.ts'

/** An error as clients see it, RFC 9457. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  instance: string
  code: ErrorCode
  requestId: string
  errors?: { path: string; message: string }[]
}

const fastifyCodes: Record<string, ErrorCode> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'invalid_json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'validation_failed',
  FST_ERR_NOT_FOUND: 'route_not_found',
  FST_ERR_BAD_URL: 'validation_failed',
  FST_ERR_MAX_PARAM_LENGTH: 'validation_failed',
  FST_ERR_VALIDATION: 'validation_failed',
}

function codeOf(error: FastifyError | Error): ErrorCode {
  if (isServiceError(error)) return error.code
  if (!('code' in error)) return 'internal_error'
  const known = fastifyCodes[error.code]
  if (known !== undefined) return known
  return error.statusCode === 400 ? 'validation_failed' : 'internal_error'
}

/** The one place where an error becomes an answer; what clients need not know goes to the log only. */
export function sendProblem(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) {
  const code = codeOf(error)
  const { status, title, ...rest } = errorCodes[code] as {
    status: number
    title: string
    retryAfterSeconds?: number
  }
  // A pod that drains refuses on purpose: that is no failure of a request.
  if (status >= 500 && code !== 'draining')
    request.log.error({ err: error, requestId: request.id, code }, 'Request failed')
  const problem: Problem = {
    type: `urn:baton:error:${code}`,
    title,
    status,
    detail: code === 'internal_error' ? 'See the log for this requestId' : error.message,
    instance: request.url,
    code,
    requestId: request.id,
  }
  if ('validation' in error && Array.isArray(error.validation)) {
    problem.errors = error.validation.map(({ instancePath, message }) => ({
      path: `${error.validationContext ?? ''}${instancePath}`,
      message: message ?? '',
    }))
  }
  if (rest.retryAfterSeconds !== undefined && !reply.hasHeader('retry-after'))
    reply.header('retry-after', rest.retryAfterSeconds)
  return reply.code(status).type('application/problem+json').send(JSON.stringify(problem))
}

const parserCodes: Record<string, ErrorCode> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** The answer to bytes that are no HTTP request: there is no request object, only a socket. */
export function rawProblem(error: NodeJS.ErrnoException): string {
  const code = parserCodes[error.code ?? ''] ?? 'validation_failed'
  const { status, title } = errorCodes[code]
  const detail = code === 'validation_failed' ? 'The bytes are not a valid HTTP request' : title
  const body = JSON.stringify({
    type: `urn:baton:error:${code}`,
    title,
    status,
    detail,
    instance: 'about:blank',
    code,
    requestId: randomUUID(),
  })
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/problem+json\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}
