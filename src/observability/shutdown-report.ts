import { existsSync, writeFileSync } from 'node:fs'
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

/** Kubernetes shows at most this much of a termination message. */
const maxBytes = 4096

/** What the shutdown did, as a log line and where `kubectl describe pod` shows it. */
export function writeReport(report: Shutdown & ShutdownCounts, config: Pick<Config, 'TERMINATION_LOG'>, log: Logger) {
  log.info({ report }, 'Shutdown report')
  if (!existsSync(config.TERMINATION_LOG)) return
  try {
    writeFileSync(config.TERMINATION_LOG, fit(report))
  } catch (err) {
    log.warn({ err }, 'The shutdown report could not be written to the termination log')
  }
}

function fit(report: Shutdown & ShutdownCounts): string {
  const whole = JSON.stringify(report)
  if (Buffer.byteLength(whole) <= maxBytes) return whole
  const steps = report.steps.map((step) => ({ ...step, ...(step.error && { error: step.error.slice(0, 200) }) }))
  return JSON.stringify({ ...report, steps })
}
