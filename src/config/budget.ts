import type { Config } from './settings.ts'

/** Milliseconds that each fixed step of the shutdown may take; `drain` and `workers` are settings. */
export const stepBudgets = {
  readiness: 0,
  'health-monitor': 1000,
  daemons: 5000,
  queues: 3000,
  websocket: 3000,
  http: 5000,
  database: 2000,
} as const

export interface ShutdownBudget {
  steps: { name: string; seconds: number }[]
  totalSeconds: number
}

/** Every step of a shutdown with its budget, in order, and their sum: the longest that a shutdown can take. */
export function shutdownBudget(
  config: Pick<Config, 'DRAIN_SECONDS' | 'WORKERS_BUDGET_SECONDS'>,
): ShutdownBudget {
  const fixed = (name: keyof typeof stepBudgets) => ({ name, seconds: stepBudgets[name] / 1000 })
  const steps = [
    fixed('readiness'),
    { name: 'drain', seconds: config.DRAIN_SECONDS },
    fixed('health-monitor'),
    { name: 'workers', seconds: config.WORKERS_BUDGET_SECONDS },
    fixed('daemons'),
    fixed('queues'),
    fixed('websocket'),
    fixed('http'),
    fixed('database'),
  ]
  return { steps, totalSeconds: steps.reduce((sum, step) => sum + step.seconds, 0) }
}

/** The warning to log at start when the pod would be killed before its shutdown ends, else `undefined`. */
export function graceWarning(config: Config): string | undefined {
  const given = config.TERMINATION_GRACE_PERIOD_SECONDS
  const { totalSeconds } = shutdownBudget(config)
  if (given === undefined || given >= totalSeconds) return undefined
  return (
    `TERMINATION_GRACE_PERIOD_SECONDS is ${given}, but a shutdown may take ${totalSeconds} s: ` +
    'raise it, or lower DRAIN_SECONDS or WORKERS_BUDGET_SECONDS'
  )
}
