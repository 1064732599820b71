import { Queue, WaitingError, Worker, type Job } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { Reply, RunScript } from '../journal/scripts.ts'
import { queueName, queueOptions, workerOptions } from './options.ts'
import { takeOver } from './takeover.ts'
import type { AbortReason, JobEnd, TurnControl, Turns } from './turn.ts'

interface Running extends TurnControl {
  id: string
  job: Job
  token: string
  ended: Promise<void>
}

/**
 * One owned container's queue and, while there is work, its worker. The owner alone puts jobs into the queue, in the
 * order of acceptance: so the order holds whatever pods accepted them, and a lost job is added again.
 */
export function createLane(deps: {
  containerId: string
  generation: number
  redis: Redis
  run: RunScript
  turns: Turns
  endLeftover(containerId: string): Promise<void>
  workerIdleMs: number
  log: Logger
  onEnd(end: JobEnd): void
}) {
  const { containerId, generation, redis, run, turns, endLeftover, workerIdleMs, log, onEnd } = deps
  const queue = new Queue(queueName(containerId), queueOptions(redis))
  queue.on('error', (err) => log.debug({ err, containerId }, 'Queue error'))
  let worker: Worker | undefined
  let isClosing = false
  let isReopenWanted = false
  let running: Running | undefined
  let isQuiet = false
  let lastSeq = 0
  let syncing: Promise<void> | undefined
  let isSyncWanted = false
  /** Until the first look says otherwise. */
  let hasWork = true
  let isReorderWanted = false
  let idleTimer: NodeJS.Timeout | undefined

  /** Brings the BullMQ queue in line with the accepted instructions; calls that come meanwhile share one more pass. */
  function sync(): Promise<void> {
    isSyncWanted = true
    syncing ??= syncLoop().finally(() => {
      syncing = undefined
    })
    return syncing
  }

  async function syncLoop() {
    while (isSyncWanted && !isQuiet) {
      isSyncWanted = false
      if (isReorderWanted) {
        isReorderWanted = false
        lastSeq = 0
        // All of it is added again below, in its new order; what a worker has fetched is refused at its start.
        await queue.drain()
      }
      const [isBlocked, head, state, runId, , waiting] = await run('lane', containerId, lastSeq)
      // Running, but not here: its worker ended with an error. The run's id keeps this from touching a newer one.
      if (state === 'running' && running === undefined) {
        await turns.interrupt(containerId, generation, String(head), String(runId), 'crash')
      }
      hasWork = head !== ''
      const added = isBlocked === 0 ? pairs(waiting as Reply[]) : []
      if (added.length > 0) {
        await queue.addBulk(added.map(([id]) => ({ name: 'instruction', data: {}, opts: { jobId: id } })))
        lastSeq = added.at(-1)?.[1] ?? lastSeq
      }
      if (isBlocked === 0 && head !== '') openWorker()
      else if (running === undefined) closeWorker()
    }
  }

  function openWorker() {
    if (worker !== undefined || isQuiet) return
    if (isClosing) {
      isReopenWanted = true
      return
    }
    // Three declared parameters: BullMQ only then makes the third; the lane's own signal says why as well.
    const opened = new Worker(
      queueName(containerId),
      (job, token, _signal) => process(job, token ?? ''),
      workerOptions(redis),
    )
    opened.on('error', (err) => log.debug({ err, containerId }, 'Worker error'))
    opened.on('failed', (_job, err) => {
      log.error({ err, containerId }, 'Job failed outside of its instruction')
      resync('after a failed job')
    })
    // A job that was refused at its start is gone only now, and can be added again.
    opened.on('completed', () => {
      if (isReorderWanted) resync('after a job out of order')
    })
    opened.on('lockRenewalFailed', () => abort('fenced'))
    worker = opened
    rest()
  }

  /** Takes nothing new from now on; a job that runs there ends in its own time. */
  function closeWorker() {
    clearTimeout(idleTimer)
    if (worker === undefined) return
    const open = worker
    worker = undefined
    isClosing = true
    open
      .close()
      .catch((err: unknown) => log.warn({ err, containerId }, 'The worker did not close cleanly'))
      .finally(() => {
        isClosing = false
        if (isReopenWanted) resync('after the worker closed')
        isReopenWanted = false
      })
      .catch(() => {})
  }

  /** A worker holds a connection: it goes when nothing came for a while. */
  function rest() {
    clearTimeout(idleTimer)
    idleTimer = setTimeout(() => {
      if (running === undefined) closeWorker()
    }, workerIdleMs)
    idleTimer.unref()
  }

  function resync(why: string) {
    lastSeq = 0
    sync().catch((err: unknown) =>
      log.warn({ err, containerId, why }, 'The queue could not be brought in line'),
    )
  }

  async function process(job: Job, token: string): Promise<string> {
    const id = job.id ?? ''
    if (isQuiet) return handBack(job, token)
    clearTimeout(idleTimer)
    const { promise, resolve } = Promise.withResolvers<void>()
    const current: Running = { id, job, token, abort: new AbortController(), run: null, ended: promise }
    running = current
    try {
      const end = await turns.execute({ containerId, id, generation }, current)
      onEnd(end)
      if (end === 'handed_back' || end === 'blocked') {
        closeWorker()
        return await handBack(job, token)
      }
      if (end === 'out_of_order') isReorderWanted = true
      return id
    } finally {
      running = undefined
      resolve()
      rest()
    }
  }

  /** To the head of the queue with no attempt used; only a closing worker does not fetch it again at once. */
  async function handBack(job: Job, token: string): Promise<never> {
    await job.moveToWait(token)
    throw new WaitingError()
  }

  function abort(reason: AbortReason, id?: string) {
    if (running !== undefined && (id === undefined || running.id === id)) running.abort.abort(reason)
    return running !== undefined
  }

  return {
    containerId,
    /** Requeues what a dead owner left active, then starts to work. */
    async open() {
      await queue.setGlobalConcurrency(1)
      await takeOver({ queue, redis, run, turns, containerId, generation, endLeftover, log })
      await sync()
    },
    sync,
    resync,
    /** The order of what waits has changed. */
    reorder() {
      isReorderWanted = true
      resync('moved')
    },
    abort,
    /** Something waits, and nothing runs: worth a look now and then. */
    isIdleWithWork: () => hasWork && running === undefined,
    isEmpty: () => !hasWork && running === undefined && syncing === undefined,
    isRunning: () => running !== undefined,
    /** No new job from now on; what runs goes on. */
    quiet() {
      isQuiet = true
      closeWorker()
    },
    /** Resolves when nothing runs. */
    ended: () => running?.ended ?? Promise.resolve(),
    /** Hands back from outside what does not end by itself. */
    async force() {
      if (running === undefined) return
      const { id, job, token } = running
      if (running.run !== null) await turns.interrupt(containerId, generation, id, running.run, 'drain')
      await job.moveToWait(token)
      onEnd('handed_back')
    },
    close: () => queue.close(),
  }
}

function pairs(flat: Reply[]): [string, number][] {
  const result: [string, number][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([String(flat[i]), Number(flat[i + 1])])
  return result
}

export type Lane = ReturnType<typeof createLane>
