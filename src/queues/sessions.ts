import { randomUUID } from 'node:crypto'
import type { DaemonInfo, Daemons, Session } from '../daemons/types.ts'
import { isDaemonError } from '../daemons/types.ts'
import type { OwnerEvent } from '../journal/appender.ts'
import type { RunScript } from '../journal/scripts.ts'

/** The agent session of each container, remembered in Redis so that any pod can resume it. */
export function createSessions(deps: {
  run: RunScript
  daemons: Daemons
  emit(containerId: string, event: OwnerEvent): Promise<void>
}) {
  const { run, daemons, emit } = deps

  async function read(containerId: string, lostId = ''): Promise<Session> {
    const [id, isStarted] = await run('session', containerId, randomUUID(), lostId)
    return { id: String(id), isStarted: isStarted === '1' }
  }

  return {
    /** A daemon that is ready, started when there is none. A session that the agent lost is replaced, and said so. */
    async ready(containerId: string, signal: AbortSignal): Promise<DaemonInfo> {
      const session = await read(containerId)
      try {
        return await daemons.ensure(containerId, session, signal)
      } catch (error) {
        if (!isDaemonError(error) || error.code !== 'session_lost') throw error
        const fresh = await read(containerId, session.id)
        const data = { previousSessionId: session.id, sessionId: fresh.id }
        await emit(containerId, { type: 'daemon.session_lost', instructionId: null, data })
        return daemons.ensure(containerId, fresh, signal)
      }
    },
    /** From the first turn on the session has something to resume. */
    async begun(containerId: string, sessionId: string) {
      await run('sessionStarted', containerId, sessionId)
    },
  }
}

export type Sessions = ReturnType<typeof createSessions>
