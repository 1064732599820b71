import { jitterMs, sleep } from './backoff.ts'
import { BatonError, type Token } from './types.ts'

export interface RequestOptions {
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
  /** Doing it twice is as good as once: then it is also tried again when nobody knows whether it was done. */
  isRepeatable?: boolean
}

const attemptMs = 15_000
/** Statuses that pass; what was asked for may have happened all the same. */
const passing = new Set([429, 502, 503, 504])

/** Requests that outlive a pod: tried again, at the next address, until one is answered or the time is over. */
export function createRequests(deps: { urls: readonly string[]; token: Token | undefined; retryMs: number }) {
  const { urls, token, retryMs } = deps
  let turn = 0

  return async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const { body, headers = {}, signal = new AbortController().signal } = options
    const isRepeatable = options.isRepeatable ?? (method === 'GET' || method === 'PUT')
    const endsAt = Date.now() + retryMs
    for (let attempt = 0; ; attempt += 1) {
      const url = (urls[turn % urls.length] ?? '').replace(/\/$/, '')
      const bearer = typeof token === 'function' ? await token() : token
      const tried = await fetch(`${url}${path}`, {
        method,
        signal: AbortSignal.any([signal, AbortSignal.timeout(attemptMs)]),
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
        .then(readAnswer)
        .catch((cause: unknown) => ({ cause }))
      if ('value' in tried && tried.error === undefined) return tried.value as T
      signal.throwIfAborted()

      const error = 'cause' in tried ? unreachable(url, tried.cause) : tried.error
      const isUndone = error.code === 'draining' || isRefused(error)
      // A full queue is for the caller to decide about.
      const isPassing =
        error.status === undefined || (passing.has(error.status) && error.code !== 'queue_full')
      const retryAfterMs = 'retryAfterMs' in tried ? tried.retryAfterMs : undefined
      const delayMs = Math.max(retryAfterMs ?? 0, jitterMs(attempt))
      if (!isPassing || !(isRepeatable || isUndone) || Date.now() + delayMs > endsAt) throw error
      turn += 1
      await sleep(delayMs, signal)
      signal.throwIfAborted()
    }
  }
}

async function readAnswer(response: Response) {
  const text = await response.text()
  const value = parse(text)
  if (response.ok) return { value, error: undefined }
  const { code, detail, title } = (value ?? {}) as { code?: string; detail?: string; title?: string }
  const message = detail ?? title ?? `answered ${response.status}`
  const retryAfter = Number(response.headers.get('retry-after'))
  return {
    value,
    error: new BatonError(code ?? 'unknown', message, { status: response.status }),
    retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
  }
}

/** What stands between may answer with a page of its own. */
function parse(text: string): unknown {
  try {
    return text === '' ? null : JSON.parse(text)
  } catch {
    return null
  }
}

const unreachable = (url: string, cause: unknown) =>
  new BatonError('unreachable', `${url} does not answer`, { cause })

/** Nobody listened: nothing can have been done. */
function isRefused({ code, cause }: BatonError): boolean {
  const reason = cause instanceof Error ? (cause.cause as { code?: string } | undefined) : undefined
  return code === 'unreachable' && reason?.code === 'ECONNREFUSED'
}
