import type { Logger } from 'pino'

/**
 * Listens for what ends the process from outside: a signal, or an error that nobody caught. `onEnd` hears of each
 * one but the second signal, which exits at once.
 */
export function watchForEnd(deps: {
  process: NodeJS.Process
  log: Logger
  onEnd(reason: string, isFailure: boolean): void
}) {
  const { process, log, onEnd } = deps
  let signals = 0

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1
      if (signals === 1) return onEnd(signal, false)
      log.fatal({ signal }, 'Second signal, exiting at once')
      process.exit(1)
    })
  }
  const uncaught = { uncaughtException: 'Uncaught exception', unhandledRejection: 'Unhandled rejection' }
  for (const [event, reason] of Object.entries(uncaught)) {
    process.on(event, (err: unknown) => {
      log.fatal({ err }, reason)
      onEnd(reason, true)
    })
  }
}
