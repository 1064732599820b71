/** The last part of the drain window: whoever still sends then would have been cut off by a shorter one. */
const lateShare = 0.2

/** What the HTTP side knows of a shutdown. */
export function createDrain(drainMs: number) {
  let beganAt: number | undefined
  let isClosedForWrites = false
  let lateRequests = 0
  return {
    begin() {
      beganAt ??= Date.now()
    },
    closeForWrites() {
      isClosedForWrites = true
    },
    isDraining: () => beganAt !== undefined,
    isClosedForWrites: () => isClosedForWrites,
    onRequest() {
      if (beganAt !== undefined && drainMs > 0 && Date.now() - beganAt > drainMs * (1 - lateShare))
        lateRequests += 1
    },
    lateRequests: () => lateRequests,
  }
}

export type Drain = ReturnType<typeof createDrain>
