import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { envSchema } from 'env-schema'
import { accessProblems } from './config/access.ts'
import { type Expectation, expectation } from './config/expectation.ts'
import { type Config, defaultDataDir, settings } from './config/settings.ts'
import { splitWords } from './config/words.ts'

export { accessWarning } from './config/access.ts'
export { graceWarning, shutdownBudget, stepBudgets } from './config/budget.ts'
export { type Config, type SettingName, settings } from './config/settings.ts'
export { splitWords } from './config/words.ts'

/** Everything wrong with the settings, one line each. */
export class ConfigError extends Error {
  readonly code = 'invalid_config'
  readonly problems: string[]

  constructor(problems: string[]) {
    super(`the configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

type Given = Record<string, string>
type Violation = { instancePath: string }

const properties = Object.entries(settings.properties as Record<string, Expectation>)

/** Reads the settings from `env`; throws a ConfigError that lists every problem. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = []
  const given = withFiles(env, problems)
  const config = validate(given, env, problems)
  problems.push(...contradictions(config))
  if (problems.length > 0) throw new ConfigError(problems)
  return { ...config, DATA_DIR: resolve(config.DATA_DIR), WORKSPACES_DIR: resolve(config.WORKSPACES_DIR) }
}

/** How long events are kept, in milliseconds. */
export function retentionMs(config: Pick<Config, 'HISTORY_RETENTION'>): number {
  const units: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  return (
    Number.parseInt(config.HISTORY_RETENTION, 10) * (units[config.HISTORY_RETENTION.slice(-1)] ?? Number.NaN)
  )
}

/** The settings as given: an empty string counts as not set; a secret may be in the file that `<NAME>_FILE` names. */
function withFiles(env: NodeJS.ProcessEnv, problems: string[]): Given {
  const given: Given = {}
  for (const [name, { writeOnly: isSecret }] of properties) {
    const value = env[name]
    const file = isSecret ? env[`${name}_FILE`] : undefined
    if (value && file) problems.push(`${name}: is given twice, also by ${name}_FILE; expected one of them`)
    if (value) given[name] = value
    else if (file) given[name] = readSecret(name, file, problems)
    if (given[name] === '') delete given[name]
  }
  return given
}

function readSecret(name: string, file: string, problems: string[]): string {
  try {
    const secret = readFileSync(file, 'utf8').trim()
    if (secret === '')
      problems.push(`${name}_FILE: ${JSON.stringify(file)} is empty; expected a file with the value`)
    return secret
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    problems.push(
      `${name}_FILE: ${JSON.stringify(file)} (${code ?? message}); expected a file that can be read`,
    )
    return ''
  }
}

function withDerived(given: Given, env: NodeJS.ProcessEnv): Given {
  return {
    DRAIN_SECONDS: env.KUBERNETES_SERVICE_HOST ? '5' : '0',
    WORKSPACES_DIR: join(given.DATA_DIR ?? defaultDataDir, 'workspaces'),
    POD_NAME: hostname().replace(/[^A-Za-z0-9._-]/g, '-') || 'baton',
    ...given,
  }
}

/** Settings of the wrong form are reported and left out, so that the rest can be checked too. */
function validate(given: Given, env: NodeJS.ProcessEnv, problems: string[]): Config {
  try {
    return envSchema<Config>({ schema: settings, data: withDerived(given, env), env: false })
  } catch (cause) {
    const { errors } = cause as { errors?: Violation[] }
    const wrong = new Set(errors?.map((error) => error.instancePath.slice(1)))
    const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.has(name)))
    if (wrong.size === 0 || Object.keys(rest).length === Object.keys(given).length) throw cause
    for (const [name, schema] of properties.filter(([key]) => wrong.has(key))) {
      problems.push(`${name}: ${shown(given[name], schema)}; expected ${expectation(schema)}`)
    }
    return validate(rest, env, problems)
  }
}

const shown = (value: string | undefined, { writeOnly: isSecret }: Expectation) =>
  isSecret ? 'the value given (not shown, it may be secret)' : JSON.stringify(value)

/** Rules that need more than one setting, or more than a pattern. */
function contradictions(config: Config): string[] {
  const problems = accessProblems(config)
  if (config.MAX_INSTRUCTION_BYTES > config.MAX_BODY_BYTES) {
    problems.push(
      `MAX_INSTRUCTION_BYTES: ${config.MAX_INSTRUCTION_BYTES}; expected at most MAX_BODY_BYTES (${config.MAX_BODY_BYTES})`,
    )
  }
  if (!URL.canParse(config.REDIS_URL)) {
    problems.push(
      'REDIS_URL: the value given (not shown, it may be secret); expected redis://[user:password@]host:port',
    )
  }
  try {
    splitWords(config.AGENT_ARGS)
  } catch {
    problems.push(
      `AGENT_ARGS: ${JSON.stringify(config.AGENT_ARGS)}; expected shell-like words with every quote closed`,
    )
  }
  return problems
}
