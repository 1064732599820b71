const baseMs = 200
const capMs = 10_000

/** Full jitter: anything between nothing and a limit that doubles, so that clients do not come back in step. */
export const jitterMs = (attempt: number, random: () => number = Math.random) =>
  Math.round(random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 10)))

/** Ends early and quietly when the signal fires. No `node:timers`: browsers have none. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end, { once: true })
    function end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}
