import type { Logger } from 'pino'

/** Told of a signal, or of an error that nobody caught (`isFailure`). */
type Listener = (reason: string, isFailure: boolean) => void

const signals = ['SIGTERM', 'SIGINT'] as const
const errors = { uncaughtException: 'Uncaught exception', unhandledRejection: 'Unhandled rejection' }

/** Listens, from the first moment on, for what ends the process from outside. A second signal exits at once. */
export function watchForEnd(process: NodeJS.Process, log: Logger) {
  const early: Parameters<Listener>[] = []
  let listener: Listener = (...end) => early.push(end)
  let count = 0

  for (const signal of signals) {
    process.on(signal, () => {
      count += 1
      if (count === 1) return listener(signal, false)
      log.fatal({ signal }, 'Second signal, exiting at once')
      process.exit(1)
    })
  }
  for (const [event, reason] of Object.entries(errors)) {
    process.on(event, (err: unknown) => {
      log.fatal({ err }, reason)
      listener(reason, true)
    })
  }

  return {
    /** The listener hears of what came before, too. */
    onEnd(next: Listener) {
      listener = next
      for (const end of early.splice(0)) next(...end)
    },
  }
}
