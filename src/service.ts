import type { Server } from 'node:http'
import { inspect } from 'node:util'
import type { Logger } from 'pino'
import { type Config, ConfigError, accessWarning, graceWarning, loadConfig } from './config.ts'
import { type Component, type Phase, type StepReport, createLifecycle } from './lifecycle.ts'
import { createLogger } from './observability/logger.ts'
import { type ShutdownCounts, writeReport } from './observability/shutdown-report.ts'
import { removePidFile, writePidFile } from './pid-file.ts'
import { watchForEnd } from './signals.ts'
import { stoppedByTerminus } from './terminus.ts'

/** What a life of the service needs to know of what `createApp` has built. */
export interface ServiceApp {
  /** In order of shutdown; `http` gets its `stop` from terminus. */
  components: Component[]
  server: Server
  url(): string
  /** For the report, at the end of the shutdown. */
  counts(): ShutdownCounts
  onPhase(phase: Phase): void
  onStep(step: StepReport): void
  /** At the very end, also when the process exits in the middle of its shutdown; it cannot wait for anything. */
  onExit(): void
}

/** One life of the service, from the settings to the exit code. */
export async function runService<App extends ServiceApp>(deps: {
  process: NodeJS.Process
  createApp(config: Config, log: Logger, env: NodeJS.ProcessEnv): Promise<App>
  /** Tests break single components with it. */
  adapt?(components: Component[], app: App): Component[]
}) {
  const { process, createApp, adapt = (components) => components } = deps
  const config = readConfig(process)
  const log = createLogger(config)
  const outside = watchForEnd(process, log)
  warn(graceWarning(config))

  const app = await createApp(config, log, process.env).catch((err: unknown) => {
    giveUp(err)
    return process.exit(1)
  })
  const { server, onPhase, onStep } = app
  process.once('exit', () => app.onExit())
  const ended = Promise.withResolvers<void>()
  const components = adapt(app.components, app).map((component) =>
    component.name === 'http'
      ? stoppedByTerminus(component, { server, log, ended: ended.promise })
      : component,
  )
  const lifecycle = createLifecycle({
    components,
    drainMs: config.DRAIN_SECONDS * 1000,
    log,
    onPhase,
    onStep,
  })

  outside.onEnd(shutDown)
  // It came while the app was being built.
  if (lifecycle.isStopping()) return
  try {
    await lifecycle.start()
    writePidFile(config.PID_FILE, process.pid)
    warn(accessWarning(config))
    log.info({ url: app.url(), pid: process.pid }, 'Baton is ready')
  } catch (err) {
    // Stopped by a signal: that shutdown ends the process.
    if (lifecycle.isStopping()) return
    giveUp(err)
    shutDown('start failed', true)
  }

  function warn(warning: string | undefined) {
    if (warning !== undefined) log.warn(warning)
  }

  function shutDown(reason: string, isFailure: boolean) {
    if (isFailure) lifecycle.fail()
    if (lifecycle.isStopping()) return
    end(reason).catch((err: unknown) => {
      log.fatal({ err }, 'The shutdown itself failed')
      process.exit(1)
    })
  }

  /** The one way out, whatever the reason. */
  async function end(reason: string) {
    const shutdown = await lifecycle.stop(reason)
    writeReport({ ...shutdown, ...app.counts() }, config, log)
    removePidFile(config.PID_FILE, process.pid)
    ended.resolve()
    process.exit(shutdown.exitCode)
  }

  function giveUp(err: unknown) {
    log.fatal({ err }, 'The service did not start')
    process.stderr.write(`baton: ${sentence(err)}\n`)
  }
}

/** Every problem is a line; nothing has been opened yet. */
function readConfig(process: NodeJS.Process): Config {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) process.stderr.write(`baton: ${problem}\n`)
    return process.exit(1)
  }
}

/** An error and its causes in one line, each said once. */
function sentence(err: unknown): string {
  if (!(err instanceof Error)) return inspect(err, { breakLength: Number.POSITIVE_INFINITY })
  const own = (err.message || err.name).replaceAll('\n', ' ')
  if (err.cause === undefined) return own
  const cause = sentence(err.cause)
  return own.includes(cause) ? own : `${own}: ${cause}`
}
