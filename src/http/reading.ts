import { serviceError } from '../errors.ts'
import type { JournalEvent } from '../journal/event.ts'
import type { ContainerView, InstructionView } from '../history/views.ts'
import type { HttpDeps } from './deps.ts'
import type { Cursor } from './replay.ts'

const caughtUpMs = 1000
/** An owner that was faster than this answer has not written more meanwhile. */
const outcomeEvents = 1000

/**
 * Reads from the history as the client that has just written expects it: what is not there yet is looked for once
 * more when the projection has reached the journal's end.
 */
export function createReading({
  history,
  tail,
  feed,
  drain,
}: Pick<HttpDeps, 'history' | 'tail' | 'feed'> & { drain: Pick<HttpDeps['drain'], 'closing'> }) {
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
    /**
     * A cursor may come from a pod that is further than this one: it catches up before it says that there is a gap.
     * Rejects when it cannot find out.
     */
    async reached(containerId: string, { afterSeq = 0, epoch }: Cursor): Promise<void> {
      const isKnown = afterSeq <= history.bounds(containerId).headSeq
      if (isKnown && (epoch === undefined || epoch === history.epoch)) return
      await tail.caughtUp(caughtUpMs).catch((cause: unknown) => {
        throw serviceError(
          'history_unavailable',
          'This pod may be behind the one that gave the cursor',
          cause,
        )
      })
    },
    /** Resolves when the history has all that is in the journal now, or after a second. */
    async caughtUp(): Promise<void> {
      await tail.caughtUp(caughtUpMs).catch(() => {})
    },
    /**
     * What an owner made of a request: the first event behind the request's own `seq` that matches, or `undefined`
     * after `ms` or when the pod closes, for the owner may not act any more.
     */
    outcome(
      containerId: string,
      seq: number,
      match: (event: JournalEvent) => boolean,
      ms: number,
    ): Promise<JournalEvent | undefined> {
      const known = history.events(containerId, seq, outcomeEvents).find(match)
      return new Promise((resolve) => {
        if (known !== undefined || drain.closing.aborted) return resolve(known)
        const giveUp = () => end(undefined)
        const unsubscribe = feed.subscribe(containerId, (event) => {
          if (event.seq > seq && match(event)) end(event)
        })
        const timer = setTimeout(giveUp, ms)
        drain.closing.addEventListener('abort', giveUp)
        function end(event: JournalEvent | undefined) {
          clearTimeout(timer)
          drain.closing.removeEventListener('abort', giveUp)
          unsubscribe()
          resolve(event)
        }
      })
    },
  }
}

export type Reading = ReturnType<typeof createReading>
