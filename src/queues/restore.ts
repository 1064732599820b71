import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { History } from '../history/open.ts'
import type { Page } from '../history/page.ts'
import type { ContainerView } from '../history/views.ts'
import { openEpoch } from '../journal/epoch.ts'
import type { RunScript } from '../journal/scripts.ts'
import { bootstrapHistory } from './bootstrap.ts'

interface Known {
  containers: ContainerView[]
  unfinished: ReturnType<History['unfinished']>
  answers: ReturnType<History['answers']>
}

/** As long as `prelude.lua` remembers keys. */
const idempotencyMs = 24 * 60 * 60 * 1000

/**
 * Compares the journal's epoch with the one this pod knew. A new one means that Redis lost data: every pod puts back
 * from its SQLite what was unfinished before, in its order; the first that knows an instruction puts it back.
 */
export function createRestore(deps: {
  history: History
  redis: Redis
  run: RunScript
  podId: string
  log: Logger
}) {
  const { history, redis, run, podId, log } = deps
  /** What was known before the first event of the new epoch: later, what is finished there looks unfinished here. */
  let before: Known | undefined

  function keep() {
    before ??= {
      containers: knownContainers(history),
      unfinished: history.unfinished(),
      answers: history.answers(Date.now() - idempotencyMs),
    }
  }

  async function putBack({ containers, unfinished, answers }: Known): Promise<number> {
    // Before the containers are known again: nobody can submit with a key that is not remembered yet.
    for (const { containerId, id, idempotency } of answers) {
      if (idempotency === null) continue
      const { key, body, atMs, seq, position } = idempotency
      await run('remember', containerId, key, atMs, body, id, seq, position)
    }
    for (const { id, daemon } of containers) {
      await run('register', id)
      if (daemon.sessionId === null) continue
      await run('session', id, daemon.sessionId, '')
      await run('sessionStarted', id, daemon.sessionId)
    }
    let restored = 0
    for (const { containerId, id, text, resumePolicy, attempts, startedAt, idempotency } of unfinished) {
      const mode = startedAt === null ? '' : 'continue'
      const told = { text, resumePolicy, acceptedBy: podId, ...(idempotency && { idempotency }) }
      const [outcome] = await run(
        'restore',
        containerId,
        id,
        text,
        resumePolicy ?? '',
        attempts,
        mode,
        JSON.stringify(told),
      )
      if (outcome === 'ok') restored += 1
    }
    return restored
  }

  return {
    /** Before the history forgets the old epoch. */
    keep,
    /** Resolves to the journal's epoch, when this pod's history agrees with it. */
    async open(): Promise<string> {
      const epoch = await openEpoch(redis)
      if (history.epoch === null) {
        await bootstrapHistory(redis, history)
        history.setEpoch(epoch)
      }
      if (history.epoch !== epoch) keep()
      if (before === undefined) return epoch
      const restored = await putBack(before)
      // Last, so that one that is killed in between puts them back again; the tail may have seen the new epoch before.
      if (history.epoch !== epoch) history.reset(epoch)
      before = undefined
      log.warn({ epoch, restored }, 'Redis lost data: unfinished instructions were put back')
      return epoch
    },
  }
}

function knownContainers(history: History): ContainerView[] {
  const known: ContainerView[] = []
  let cursor: string | null = null
  do {
    const page: Page<ContainerView> = history.containers({ limit: 500, ...(cursor && { cursor }) })
    known.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return known
}
