import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from './client.ts'

export interface LogLine {
  level: string
  msg: string
  containerId?: string
  [field: string]: unknown
}

export interface StartOptions {
  redis?: { url: string }
  env?: Record<string, string>
  /** Another entry than src/main.ts, relative to test/support. */
  entry?: string
  /** A command before node, such as `unshare`. */
  prefix?: string[]
  /** Do not wait for `Baton is ready`. */
  isReadyAwaited?: boolean
}

/** A start is a second of computing; on a busy machine many tests share it. */
const startMs = 60_000
const root = fileURLToPath(new URL('../../', import.meta.url))

/** The real service as a process of its own, on a free port, with a data directory that goes with the test. */
export async function startService(t: TestContext, options: StartOptions = {}) {
  const { redis, env = {}, entry, prefix = [], isReadyAwaited = true } = options
  const dataDir = env.DATA_DIR ?? (await mkdtemp(join(tmpdir(), 'baton-data-')))
  const main = entry === undefined ? join(root, 'src/main.ts') : join(root, 'test/support', entry)
  const [command, ...args] = [...prefix, process.execPath, main]
  const startedAt = performance.now()
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...(process.env.NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }),
      PORT: '0',
      DATA_DIR: dataDir,
      LOG_FORMAT: 'json',
      // Tests poll, on machines that are busy with other tests; those of the limits set them.
      RATE_LIMIT_PER_MINUTE: '0',
      MAX_EVENT_LOOP_DELAY_MS: '0',
      TERMINATION_LOG: join(dataDir, 'termination-log'),
      ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
      ...env,
    },
  })
  const lines: LogLine[] = []
  let stderr = ''
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line.startsWith('{') ? (JSON.parse(line) as LogLine) : { level: 'raw', msg: line })
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  let signalledAt = startedAt
  const exited = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    /** Milliseconds since the last signal that the test sent. */
    ms: performance.now() - signalledAt,
  }))
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
  })

  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const waitForLog = (msg: string, ms = 20_000) =>
    until(
      `log line "${msg}" (stderr: ${stderr})`,
      () => {
        const found = lines.find((line) => line.msg === msg)
        if (found === undefined && hasEnded())
          throw new Error(`the service ended without "${msg}": ${stderr}`)
        return found
      },
      ms,
    )
  const url = isReadyAwaited ? String((await waitForLog('Baton is ready', startMs)).url) : ''

  return {
    url,
    pid: child.pid ?? 0,
    dataDir,
    workspacesDir: env.WORKSPACES_DIR ?? join(dataDir, 'workspaces'),
    lines,
    stderr: () => stderr,
    messages: () => lines.map(({ msg }) => msg),
    waitForLog,
    exited,
    signal(signal: NodeJS.Signals) {
      signalledAt = performance.now()
      child.kill(signal)
    },
  }
}

export type TestService = Awaited<ReturnType<typeof startService>>
