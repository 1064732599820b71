import { shutdownBudget, settings } from '../../src/config.ts'
import type { Expectation } from '../../src/config/expectation.ts'
import { presets } from './presets.ts'

/** Settings that the chart itself sets, and the value that decides each. */
export const setByChart: Record<string, string> = {
  HOST: 'always `0.0.0.0`',
  PORT: '`ports.http`',
  METRICS_PORT: '`ports.metrics`',
  ALLOW_ANONYMOUS: '`auth.anonymous`',
  API_TOKENS: '`auth.tokens`, `auth.existingSecret`, or a generated one',
  REDIS_URL: '`redis.url`, `redis.existingSecret`, or the bundled Redis',
  DATA_DIR: 'always `/data`',
  WORKSPACES_DIR: 'always `/workspaces`',
  POD_NAME: 'the name of the pod',
  PID_FILE: 'not set',
  TERMINATION_GRACE_PERIOD_SECONDS: 'the sum, or `terminationGracePeriodSeconds`',
  TERMINATION_LOG: 'not set',
}

export const allSettings = Object.entries(settings.properties as Record<string, Expectation>)
/** Secrets come from Secrets, through `extraEnv`, when the chart has no value for them. */
export const configSettings = allSettings.filter(
  ([name, schema]) => !(name in setByChart) && schema.writeOnly !== true,
)

/** Steps whose budget is a setting; the others are fixed. */
const stepSettings: Record<string, string> = {
  drain: 'DRAIN_SECONDS',
  workers: 'WORKERS_BUDGET_SECONDS',
}

/** What the templates know of the service. */
export const facts = () => ({
  settings: allSettings.map(([name]) => name),
  defaults: Object.fromEntries(
    configSettings.flatMap(([name, schema]) =>
      schema.default === undefined ? [] : [[name, schema.default]],
    ),
  ),
  steps: shutdownBudget({ DRAIN_SECONDS: 0, WORKERS_BUDGET_SECONDS: 0 }).steps.map(({ name, seconds }) =>
    name in stepSettings ? { name, setting: stepSettings[name] } : { name, seconds },
  ),
  presets,
})
