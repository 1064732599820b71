import type { Queue } from 'bullmq'
import type { Redis } from 'ioredis'
import type { Logger } from 'pino'
import type { RunScript } from '../journal/scripts.ts'
import type { Turns } from './turn.ts'

/**
 * Requeues what an owner that died left active: the lock's value in Redis is the token that moves the job, so nobody
 * waits 30 s for the lock to expire. The instruction itself is marked as interrupted by a crash.
 */
export async function takeOver(deps: {
  queue: Queue
  redis: Redis
  run: RunScript
  turns: Turns
  containerId: string
  generation: number
  endLeftover(containerId: string): Promise<void>
  log: Logger
}) {
  const { queue, redis, run, turns, containerId, generation, endLeftover, log } = deps
  const [, head, state, runId, runGeneration] = await run('lane', containerId, 0)
  if (state === 'running' && Number(runGeneration) !== generation) {
    // The owner is dead, its agent may not be: it must not go on with what is given to another.
    await endLeftover(containerId)
    const next = await turns.interrupt(containerId, generation, String(head), String(runId), 'crash')
    log.warn({ containerId, instructionId: head, next }, 'Instruction of a dead owner taken over')
  }
  for (const job of (await queue.getActive()).toReversed()) {
    const token = await redis.get(`${queue.toKey(job.id ?? '')}:lock`)
    await job.moveToWait(token ?? '0')
  }
}
