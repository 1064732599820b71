import { serviceError } from '../errors.ts'
import type { ContainerView, InstructionView } from '../history/views.ts'
import type { HttpDeps } from './deps.ts'

const caughtUpMs = 1000

/**
 * Reads from the history as the client that has just written expects it: what is not there yet is looked for once
 * more when the projection has reached the journal's end.
 */
export function createReading({ history, tail, feed }: Pick<HttpDeps, 'history' | 'tail' | 'feed'>) {
  async function lookTwice<T>(look: () => T | undefined): Promise<T | undefined> {
    const found = look()
    if (found !== undefined) return found
    // Without Redis the history still answers, only it may not have the newest.
    await tail.caughtUp(caughtUpMs).catch(() => {})
    return look()
  }

  return {
    async container(containerId: string): Promise<ContainerView> {
      const found = await lookTwice(() => history.container(containerId))
      if (found === undefined) throw serviceError('container_not_found', `No container ${containerId}`)
      return found
    },
    async instruction(containerId: string, id: string): Promise<InstructionView> {
      const found = await lookTwice(() => history.instruction(containerId, id))
      if (found === undefined)
        throw serviceError('instruction_not_found', `No instruction ${id} in ${containerId}`)
      return found
    },
    /** Resolves when this pod's history has the container's event `seq`, or after a second. */
    async projected(containerId: string, seq: number): Promise<void> {
      if (history.bounds(containerId).headSeq >= seq) return
      await feed.waitFor(containerId, seq - 1, () => true, caughtUpMs)
    },
  }
}

export type Reading = ReturnType<typeof createReading>
