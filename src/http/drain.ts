/** The last part of the drain window: whoever still sends then would have been cut off by a shorter one. */
const lateShare = 0.2

/** What the HTTP side knows of a shutdown. */
export function createDrain(drainMs: number) {
  let beganAt: number | undefined
  const closing = new AbortController()
  let lateRequests = 0
  return {
    begin() {
      beganAt ??= Date.now()
    },
    closeForWrites() {
      closing.abort()
    },
    isDraining: () => beganAt !== undefined,
    isClosedForWrites: () => closing.signal.aborted,
    /** Fires when no more writes are taken: who still waits for an owner answers with what is known. */
    closing: closing.signal,
    onRequest() {
      if (beganAt !== undefined && drainMs > 0 && Date.now() - beganAt > drainMs * (1 - lateShare))
        lateRequests += 1
    },
    lateRequests: () => lateRequests,
  }
}

export type Drain = ReturnType<typeof createDrain>
