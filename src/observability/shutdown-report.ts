import { statSync, writeFileSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Shutdown } from '../lifecycle.ts'

export interface ShutdownCounts {
  /** `lost` counts what was still running and could not be handed back; it stays in Redis for a takeover. */
  instructions: { finished: number; handedBack: number; lost: number }
  socketsClosed: number
  /** Requests in the last 20 % of the drain window: when there are any, the window is too short. */
  lateRequests: number
}

export type ShutdownReport = Shutdown & ShutdownCounts

/** Kubernetes shows at most this much of a termination message. */
const maxBytes = 4096
/** Characters of an error, tried in turn until the report fits. */
const errorLengths = [1000, 200, 40, 0]

/** What the shutdown did, as a log line and where `kubectl describe pod` shows it. Never fails the shutdown. */
export function writeReport(report: ShutdownReport, config: Pick<Config, 'TERMINATION_LOG'>, log: Logger) {
  log.info({ report }, 'Shutdown report')
  try {
    // A pipe nobody reads would keep the process.
    const isFile = statSync(config.TERMINATION_LOG, { throwIfNoEntry: false })?.isFile() ?? false
    if (isFile) writeFileSync(config.TERMINATION_LOG, fit(report))
  } catch (err) {
    log.warn({ err }, 'The shutdown report could not be written to the termination log')
  }
}

function fit(report: ShutdownReport): string {
  const texts = errorLengths.map((length) => JSON.stringify(shorten(report, length)))
  return texts.find((text) => Buffer.byteLength(text) <= maxBytes) ?? ''
}

const shorten = (report: ShutdownReport, length: number) => ({
  ...report,
  steps: report.steps.map((step) =>
    step.error === undefined ? step : { ...step, error: step.error.slice(0, length) },
  ),
})
