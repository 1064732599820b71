import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino'
import type { Config } from '../config.ts'
import { createPretty } from './pretty.ts'
import { redaction } from './redaction.ts'

export type { Logger } from 'pino'

interface Output {
  stream: DestinationStream
  isTerminal: boolean
}

/** Writes synchronously, so that the last line before `process.exit` is not lost. */
const stdout = (): Output => ({
  stream: destination({ fd: 1, sync: true }),
  isTerminal: process.stdout.isTTY,
})

/** The service's log: one JSON object a line, or lines for people (`LOG_FORMAT`). */
export function createLogger(
  config: Pick<Config, 'LOG_FORMAT' | 'LOG_LEVEL' | 'POD_NAME'>,
  { stream, isTerminal }: Output = stdout(),
): Logger {
  const isPretty = config.LOG_FORMAT === 'pretty' || (config.LOG_FORMAT === 'auto' && isTerminal)
  return pino(
    {
      level: config.LOG_LEVEL,
      base: { pod: config.POD_NAME },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: redaction,
    },
    isPretty ? createPretty(stream) : stream,
  )
}
