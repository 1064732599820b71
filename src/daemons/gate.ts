/** Lets so many pieces of work run at once; the others wait in order. */
export function createGate(limit: number) {
  const waiting: (() => void)[] = []
  let running = 0

  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      // The place goes on to the next one, if there is one.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}

export type Gate = ReturnType<typeof createGate>
