/** A point in time by which something has to end; `signal` fires there. */
export interface Deadline {
  readonly signal: AbortSignal
  remainingMs(): number
}

export const timedOut = Symbol('timed out')

export function createDeadline(ms: number): Deadline {
  const endsAt = performance.now() + ms
  return { signal: AbortSignal.timeout(ms), remainingMs: () => Math.max(0, endsAt - performance.now()) }
}

/** The promise's own outcome, or `timedOut` after `ms`. A late rejection is the caller's no more, so it is swallowed. */
export async function race<T>(promise: Promise<T>, ms: number): Promise<T | typeof timedOut> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<typeof timedOut>((resolve) => {
    timer = setTimeout(() => resolve(timedOut), Math.max(0, ms))
  })
  promise.catch(() => {})
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
