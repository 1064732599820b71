import { race, timedOut } from '../deadline.ts'

/** Counts requests that still need Redis, so that it is closed behind them. */
export function createInFlight() {
  let count = 0
  const waiters = new Set<() => void>()
  return {
    begin() {
      count += 1
    },
    end() {
      count -= 1
      if (count === 0) for (const wake of waiters) wake()
    },
    count: () => count,
    /** `false` when some are still under way after `ms`. */
    async idle(ms: number): Promise<boolean> {
      if (count === 0) return true
      const { promise, resolve } = Promise.withResolvers<void>()
      waiters.add(resolve)
      const outcome = await race(promise, ms)
      waiters.delete(resolve)
      return outcome !== timedOut
    },
  }
}

export type InFlight = ReturnType<typeof createInFlight>
