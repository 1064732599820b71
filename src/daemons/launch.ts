import { randomUUID } from 'node:crypto'
import { race } from '../deadline.ts'
import { type Agent, type AgentEnd, createAgent } from './agent.ts'
import type { AgentDelta, AgentEvent } from './agent-events.ts'
import { openLocalChannel } from './channel.ts'
import { agentEnvironment } from './environment.ts'
import { removeRecord, writeRecord } from './leftovers.ts'
import type { TreeKiller } from './process-tree.ts'
import { createMask } from './secrets.ts'
import type { AgentSignal } from './stream-json.ts'
import { daemonError, type Session } from './types.ts'

const initializeMs = 10_000

export interface Launch {
  command: string
  args: string[]
  workspace: string
  env: NodeJS.ProcessEnv
  alsoAllowed: string
  killer: TreeKiller
  session: Session
  signal: AbortSignal
  onEvent: (event: AgentEvent) => void | Promise<void>
  onDelta: (delta: AgentDelta) => void
  onSignal: (signal: AgentSignal) => void
}

/** An agent that answered `initialize`. Rejects with a DaemonError; nothing of a failed start is left running. */
export async function launch(spec: Launch): Promise<{ agent: Agent; isResumed: boolean }> {
  if (spec.signal.aborted) throw daemonError('stopping', 'the start was called off', [], spec.signal.reason)
  const isResumed = spec.session.isStarted
  const agent = await spawnAgent(spec, isResumed ? '--resume' : '--session-id')
  const isReady = await untilReady(agent, spec.signal)
  if (isReady) return { agent, isResumed }

  const hadExited = (await race(agent.channel.exited, 0)) as { code?: number | null }
  await agent.channel.killTree()
  const { stderr, code, signal } = await agent.ended
  removeRecord(spec.workspace)
  if (spec.signal.aborted)
    throw daemonError('stopping', 'the start was called off', stderr, spec.signal.reason)
  const said = stderr.join('\n')
  // A turn was sent whose sending nobody remembers: the session is there, so resume it.
  if (!isResumed && /already in use/i.test(said))
    return launch({ ...spec, session: { ...spec.session, isStarted: true } })
  if (isResumed && /no conversation found/i.test(said)) throw daemonError('session_lost', said, stderr)
  const why =
    typeof hadExited !== 'object'
      ? `gave no answer within ${initializeMs / 1000} s`
      : `ended with ${code ?? signal}`
  throw daemonError(
    'start_failed',
    `the agent ${why}${stderr.length > 0 ? `: ${stderr.at(-1)}` : ''}`,
    stderr,
  )
}

async function spawnAgent(spec: Launch, sessionFlag: '--resume' | '--session-id') {
  const { command, workspace, env, alsoAllowed, killer, session } = spec
  const daemonId = randomUUID()
  const args = [...spec.args, sessionFlag, session.id]
  writeRecord(workspace, daemonId, null)
  try {
    const childEnv = agentEnvironment(env, alsoAllowed, daemonId)
    const channel = await openLocalChannel({ command, args, cwd: workspace, env: childEnv, daemonId, killer })
    writeRecord(workspace, daemonId, channel.pid)
    const { onEvent, onDelta, onSignal } = spec
    return createAgent({ channel, mask: createMask(childEnv), onEvent, onDelta, onSignal })
  } catch (cause) {
    removeRecord(workspace)
    const { code, message } = cause as NodeJS.ErrnoException
    const why =
      code === 'ENOENT' ? 'there is no such program' : code === 'EACCES' ? 'it is not executable' : message
    throw daemonError('start_failed', `AGENT_COMMAND "${command}" cannot be run: ${why}`, [], cause)
  }
}

async function untilReady(agent: Agent, signal: AbortSignal): Promise<boolean> {
  const aborted = Promise.withResolvers<false>()
  const onAbort = () => aborted.resolve(false)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    const answered = agent.ask('initialize', initializeMs)
    return await Promise.race([answered, agent.ended.then((_: AgentEnd) => false), aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
