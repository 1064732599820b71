import type { Logger } from 'pino'
import type { App } from './app.ts'
import { type Config, ConfigError, graceWarning, loadConfig } from './config.ts'
import { type Component, createLifecycle } from './lifecycle.ts'
import { createLogger } from './observability/logger.ts'
import { writeReport } from './observability/shutdown-report.ts'
import { removePidFile, writePidFile } from './pid-file.ts'
import { createHttpStop } from './terminus.ts'

export interface ServiceParts {
  process: NodeJS.Process
  createApp(config: Config, log: Logger, env: NodeJS.ProcessEnv): Promise<App>
  /** Tests break single components with it. */
  adapt?(components: Component[], app: App): Component[]
}

/** One life of the service, from the settings to the exit code. */
export async function runService({ process, createApp, adapt = (components) => components }: ServiceParts) {
  const config = readConfig(process)
  const log = createLogger(config)
  const app = await createApp(config, log, process.env).catch((err: unknown) => giveUp(process, log, err))

  const http: Component = app.http
  const components = adapt(app.components, app)
  const lifecycle = createLifecycle({
    components,
    drainMs: config.DRAIN_SECONDS * 1000,
    log,
    onPhase: app.onPhase,
    onStep: app.onStep,
  })
  const ended = Promise.withResolvers<void>()
  http.stop = createHttpStop({ server: app.server, budgetMs: http.budgetMs, log, ended: ended.promise })

  /** The one way out, whatever the reason. */
  async function shutDown(reason: string): Promise<never> {
    const shutdown = await lifecycle.stop(reason)
    writeReport({ ...shutdown, ...app.counts() }, config, log)
    removePidFile(config.PID_FILE, process.pid)
    ended.resolve()
    return process.exit(shutdown.exitCode)
  }

  let signals = 0
  const onSignal = (signal: string) => {
    signals += 1
    if (signals > 1) {
      log.fatal({ signal }, 'Second signal, exiting at once')
      process.exit(1)
    }
    if (!lifecycle.isStopping()) shutDown(signal).catch(dieAtOnce)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)

  const dieAtOnce = (err: unknown) => {
    log.fatal({ err }, 'The shutdown itself failed')
    process.exit(1)
  }
  const breakDown = (reason: string) => (err: unknown) => {
    log.fatal({ err }, reason)
    lifecycle.fail()
    if (lifecycle.isStopping()) return
    shutDown(reason).catch(dieAtOnce)
    // terminus knows signals only; ours is not counted as one from outside.
    signals -= 1
    process.emit('SIGTERM', 'SIGTERM')
  }
  process.on('uncaughtException', breakDown('Uncaught exception'))
  process.on('unhandledRejection', breakDown('Unhandled rejection'))

  const warning = graceWarning(config)
  if (warning !== undefined) log.warn(warning)
  try {
    await lifecycle.start()
    writePidFile(config.PID_FILE, process.pid)
    log.info({ url: app.url(), pod: config.POD_NAME, pid: process.pid }, 'Baton is ready')
  } catch (err) {
    // Stopped by a signal: that shutdown ends the process.
    if (lifecycle.isStopping()) return
    log.fatal({ err }, 'The service did not start')
    process.stderr.write(`baton: ${messageOf(err)}\n`)
    lifecycle.fail()
    await shutDown('start failed')
  }
}

function readConfig(process: NodeJS.Process): Config {
  try {
    return loadConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) process.stderr.write(`baton: ${problem}\n`)
    return process.exit(1)
  }
}

function giveUp(process: NodeJS.Process, log: Logger, err: unknown): never {
  log.fatal({ err }, 'The service did not start')
  process.stderr.write(`baton: ${messageOf(err)}\n`)
  return process.exit(1)
}

const messageOf = (err: unknown): string => {
  if (!(err instanceof Error)) return String(err)
  return err.cause instanceof Error ? `${err.message}: ${err.cause.message}` : err.message
}
