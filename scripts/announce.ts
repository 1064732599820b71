import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { isAuthenticated } from '../src/auth/authenticator.ts'
import { type Config, loadConfig } from '../src/config.ts'

const limitMs = 60_000
const pollMs = 100

/** Waits until the service with this process id has started, and says what to try next. */
async function announce(pid: number) {
  const config = readConfig()
  // Port 0: the service's own log says where it listens.
  if (config === undefined || config.PORT === 0) return
  const host = config.HOST === '0.0.0.0' || config.HOST === '::' ? '127.0.0.1' : config.HOST
  const base = `http://${host.includes(':') ? `[${host}]` : host}:${config.PORT}`
  for (const end = Date.now() + limitMs; Date.now() < end && isAlive(pid); await setTimeout(pollMs)) {
    if (isInPidFile(pid, config.PID_FILE) && (await hasStarted(base)))
      return console.log(screen(base, pid, config))
  }
}

/** The service itself reports what is wrong with its settings. */
function readConfig(): Config | undefined {
  try {
    return loadConfig(process.env)
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The service names itself there when it has started: something else may answer on a port that is taken. */
function isInPidFile(pid: number, path: string): boolean {
  try {
    return readFileSync(path, 'utf8').trim() === String(pid)
  } catch {
    return false
  }
}

async function hasStarted(base: string): Promise<boolean> {
  try {
    const response = await fetch(`${base}/startupz`, { signal: AbortSignal.timeout(1000) })
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}

const json = "-H 'content-type: application/json'"

/** The tokens themselves are shown to nobody. */
const header = (config: Config) => (isAuthenticated(config) ? '-H "Authorization: Bearer $TOKEN" ' : '')
const hint = (config: Config) =>
  isAuthenticated(config)
    ? ` (TOKEN is one of ${config.API_TOKENS === '' ? config.JWT_ISSUER : 'API_TOKENS'})`
    : ''

const screen = (base: string, pid: number, config: Config) => `
Baton runs: ${base} (PID ${pid}), agent "${config.AGENT_COMMAND}", data in ${config.DATA_DIR}
Redis:      ${config.REDIS_URL.replace(/\/\/[^@/]*@/, '//')}

Try, in another terminal${hint(config)}:
  curl ${header(config)}-X PUT ${base}/v1/containers/c-1
  curl ${header(config)}-X POST ${base}/v1/containers/c-1/instructions ${json} -d '{"text":"sleep 5s"}'
  curl ${header(config)}-N '${base}/v1/containers/c-1/events/stream?afterSeq=0'

API documentation: ${base}/docs
Stop it: Ctrl-C, or kill -TERM $(cat ${config.PID_FILE})
`

await announce(Number(process.argv[2]))
