import { inspect } from 'node:util'
import type { Logger } from 'pino'
import { createDeadline, race, timedOut } from './deadline.ts'
import type { Component, StepReport } from './lifecycle.ts'

/** Stops one component within `budgetMs`, a whole number. Never rejects: what goes wrong is logged and told in the report. */
export async function stopStep(
  component: Component,
  budgetMs: number,
  before: StepReport[],
  log: Logger,
): Promise<StepReport> {
  const { name } = component
  const beganAt = performance.now()
  const took = () => Math.round(performance.now() - beganAt)

  function broken(outcome: 'failed' | 'timed out', message: string, err: unknown): StepReport {
    log.error({ step: name, ms: took(), err }, message)
    return { name, outcome, ms: took(), error: err instanceof Error ? err.message : inspect(err) }
  }

  try {
    const stopped = Promise.try(async () => component.stop?.(createDeadline(budgetMs), before))
    if ((await race(stopped, budgetMs)) !== timedOut) return { name, outcome: 'ok', ms: took() }
    const err = new Error(`${name} did not stop within ${budgetMs} ms`)
    return broken('timed out', 'Shutdown step ran out of time', err)
  } catch (err) {
    return broken('failed', 'Shutdown step failed', err)
  }
}
