const maxBytes = 8 * 1024 * 1024

/** Between the socket and whoever reads: bounded, so that a slow reader costs no memory but another connection. */
export function createInbox<Item>() {
  const waiting: { item: Item; bytes: number }[] = []
  let bytes = 0
  let wake = () => {}
  let emptied = () => {}
  let isOver = false
  let failure: { cause: unknown } | undefined

  return {
    push(item: Item, size: number) {
      waiting.push({ item, bytes: size })
      bytes += size
      wake()
    },
    hasRoom: () => bytes < maxBytes,
    /** Resolves when everything has been read. */
    empty: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (waiting.length === 0 || signal.aborted) return resolve()
        emptied = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      }),
    end(error?: { cause: unknown }) {
      isOver = true
      failure = error
      wake()
    },
    /** The next item; `undefined` after the last one. */
    async next(): Promise<{ item: Item } | undefined> {
      while (waiting.length === 0) {
        if (failure !== undefined) throw failure.cause
        if (isOver) return undefined
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const first = waiting.shift()
      bytes -= first?.bytes ?? 0
      if (waiting.length === 0) emptied()
      return first
    },
  }
}
