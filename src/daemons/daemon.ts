import type { Logger } from 'pino'
import { messageOf } from '../errors.ts'
import type { Config } from '../config.ts'
import type { AgentEnd } from './agent.ts'
import type { AgentDelta } from './agent-events.ts'
import { agentCommand } from './command.ts'
import type { Gate } from './gate.ts'
import { launch } from './launch.ts'
import { endLeftover, removeRecord } from './leftovers.ts'
import type { TreeKiller } from './process-tree.ts'
import { createRunning, type Running } from './running.ts'
import { openSessionRecord } from './session-record.ts'
import type { AgentSignal } from './stream-json.ts'
import type { EndReason } from './turn.ts'
import {
  type DaemonError,
  type DaemonEvent,
  type DaemonInfo,
  daemonError,
  isDaemonError,
  type Session,
} from './types.ts'
import { openWorkspace } from './workspace.ts'

export type DaemonConfig = Pick<
  Config,
  'AGENT_COMMAND' | 'AGENT_ARGS' | 'AGENT_ENV_ALLOW' | 'WORKSPACES_DIR' | 'DAEMON_IDLE_MINUTES' | 'POD_NAME'
>

/** A container's daemon: at most one agent process at a time, and what is known of the last one. */
export function createDaemon(deps: {
  containerId: string
  config: DaemonConfig
  env: NodeJS.ProcessEnv
  killer: TreeKiller
  startGate: Gate
  emit(event: DaemonEvent): void | Promise<void>
  onDelta(delta: AgentDelta & { instructionId: string | null }): void
  onExit(info: { wasRequested: boolean }): void
  log: Logger
}) {
  const { containerId, config, env, killer, startGate, emit, onDelta, onExit, log } = deps
  const pod = config.POD_NAME
  let state: 'starting' | 'running' | 'stopped' | 'failed' = 'stopped'
  let running: Running | undefined
  let starting: { abort: AbortController; done: Promise<unknown> } | undefined
  let known = { sessionId: '', isResumed: false, startedAt: null as number | null }
  let idleTimer: NodeJS.Timeout | undefined

  /** The daemon's own events wait for nobody; they keep their order as they are handed over in it. */
  function tell(type: string, data: Record<string, unknown>) {
    Promise.resolve()
      .then(() => emit({ type, instructionId: null, data }))
      .catch((err: unknown) => log.warn({ err, containerId, type }, 'A daemon event was not taken'))
  }

  async function relay(event: { type: string; data: Record<string, unknown> }) {
    try {
      await emit({ ...event, instructionId: running?.turn()?.id ?? null })
    } catch (err) {
      log.warn({ err, containerId, type: event.type }, 'An agent event was not taken')
    }
  }

  function info(): DaemonInfo {
    const agent = running?.agent
    const turnId = running?.turn()?.id ?? null
    return {
      containerId,
      state:
        state !== 'running' ? state : running?.isEnding() ? 'stopping' : turnId === null ? 'ready' : 'busy',
      pid: agent?.channel.pid ?? null,
      ...known,
      lastOutputAt: agent?.lastOutputAt() ?? null,
      turnId,
      openTools: agent?.openTools() ?? 0,
      isReadingPaused: agent?.isReadingPaused() ?? false,
    }
  }

  async function start(session: Session, signal: AbortSignal) {
    state = 'starting'
    known = { sessionId: session.id, isResumed: false, startedAt: null }
    try {
      await open(session, signal)
    } catch (cause) {
      const error = isDaemonError(cause) ? cause : daemonError('start_failed', messageOf(cause), [], cause)
      state = error.code === 'start_failed' ? 'failed' : 'stopped'
      if (error.code === 'start_failed') tellFailure(error)
      throw error
    }
  }

  async function open(session: Session, signal: AbortSignal) {
    const workspace = await openWorkspace(config.WORKSPACES_DIR, containerId)
    // Two agents on one session would fork its history.
    if (await endLeftover(workspace, killer))
      log.warn({ containerId }, 'An agent left by an earlier service was ended')
    const record = openSessionRecord(workspace, session.id)
    const spec = {
      ...agentCommand(config),
      workspace,
      env,
      alsoAllowed: config.AGENT_ENV_ALLOW,
      killer,
      session: { ...session, isStarted: session.isStarted && !record.isEmpty() },
      signal,
      onEvent: relay,
      onDelta: (delta: AgentDelta) => onDelta({ ...delta, instructionId: running?.turn()?.id ?? null }),
      onSignal: (received: AgentSignal) => running?.turn()?.receive(received),
    }
    const { agent, isResumed } = await startGate(() => launch(spec))
    record.open(isResumed)
    running = createRunning({
      agent,
      record,
      onEnd: (end, reason) => ended(workspace, end, reason),
      onIdle: rest,
    })
    state = 'running'
    known = { sessionId: session.id, isResumed, startedAt: Date.now() }
    tell('daemon.started', { sessionId: session.id, resumed: isResumed, pid: agent.channel.pid, pod })
    log.info(
      { containerId, sessionId: session.id, isResumed, pid: agent.channel.pid },
      'Claude session started',
    )
    rest()
  }

  function tellFailure({ message, stderr }: DaemonError) {
    tell('daemon.start_failed', { error: { code: 'daemon_start_failed', message }, stderr })
  }

  function ended(workspace: string, { code, signal, stderr, survivors }: AgentEnd, reason: EndReason | null) {
    clearTimeout(idleTimer)
    state = reason === null ? 'failed' : 'stopped'
    running = undefined
    if (survivors.length === 0) removeRecord(workspace)
    if (reason === null) log.warn({ containerId, code, signal, stderr }, 'Claude session exited')
    if (reason === null) tell('daemon.exited', { code, signal, stderr })
    else tell('daemon.stopped', { reason, pod })
    onExit({ wasRequested: reason !== null })
  }

  /** The session is kept: the next instruction resumes it. */
  function rest() {
    clearTimeout(idleTimer)
    if (running === undefined) return
    idleTimer = setTimeout(() => {
      if (running?.turn() !== undefined) return
      stop('idle', 5000).catch((err: unknown) =>
        log.error({ err, containerId }, 'An idle agent was not ended'),
      )
    }, config.DAEMON_IDLE_MINUTES * 60_000)
    idleTimer.unref()
  }

  async function stop(reason: EndReason, ms: number) {
    starting?.abort.abort()
    await starting?.done
    await running?.stop(reason, ms)
  }

  return {
    info,
    running: () => running,
    stop,
    async ensure(session: Session, signal: AbortSignal): Promise<DaemonInfo> {
      for (;;) {
        if (signal.aborted) throw daemonError('stopping', 'the start was called off', [], signal.reason)
        if (starting !== undefined) await starting.done
        else if (running?.isEnding()) await running.ended
        else if (running !== undefined && known.sessionId === session.id) {
          rest()
          return info()
        } else if (running !== undefined) await running.stop('requested', 5000)
        else {
          const abort = new AbortController()
          const started = start(session, AbortSignal.any([signal, abort.signal]))
          const done = started
            .catch(() => {})
            .finally(() => {
              starting = undefined
            })
          starting = { abort, done }
          await started
        }
      }
    },
    async kill(reason: EndReason) {
      starting?.abort.abort()
      await starting?.done
      await running?.kill(reason)
      if (state === 'failed') state = 'stopped'
    },
  }
}

export type Daemon = ReturnType<typeof createDaemon>
