import type { Redis } from 'ioredis'
import type { History } from '../history/open.ts'
import { keyPrefix } from '../journal/scripts.ts'

type Known = Parameters<History['bootstrap']>[0]

/** Fills a fresh history with what Redis still knows although the journal has been trimmed behind it. */
export async function bootstrapHistory(redis: Redis, history: History) {
  const known: Known = { containers: [], instructions: [] }
  for (const id of await redis.smembers(`${keyPrefix}:containers`)) {
    const [state, headSeq, pending] = await Promise.all([
      redis.hgetall(`${keyPrefix}:container:${id}`),
      redis.hget(`${keyPrefix}:seqs`, id),
      redis.zrange(`${keyPrefix}:pending:${id}`, '0', '-1', 'WITHSCORES'),
    ])
    // Deleted meanwhile: the journal says so.
    if (state.createdAt === undefined) continue
    const createdAt = new Date(Number(state.createdAt)).toISOString()
    known.containers.push({
      id,
      createdAt,
      paused: state.paused === '1',
      quarantined: state.quarantined === '1',
      headSeq: Number(headSeq ?? 0),
    })
    for (let at = 0; at + 1 < pending.length; at += 2) {
      const instructionId = pending[at] ?? ''
      const fields = await readInstruction(redis, instructionId)
      // Ended meanwhile: its end is in the journal, and Redis has forgotten it.
      if (fields.state === undefined) continue
      known.instructions.push({
        ...view(instructionId, id, createdAt, fields),
        place: Number(pending[at + 1]),
      })
    }
  }
  history.bootstrap(known)
}

const readInstruction = (redis: Redis, id: string) => redis.hgetall(`${keyPrefix}:instruction:${id}`)

/** Only what Redis keeps of an unfinished instruction; the rest was in entries that are trimmed. */
function view(id: string, containerId: string, createdAt: string, fields: Record<string, string>) {
  return {
    id,
    containerId,
    state: fields.state as Known['instructions'][number]['state'],
    text: fields.text ?? '',
    result: null,
    error: null,
    position: null,
    resumePolicy: (fields.policy || null) as Known['instructions'][number]['resumePolicy'],
    sessionId: null,
    attempts: Number(fields.attempts ?? 0),
    interruptions: [],
    usage: null,
    cost: null,
    createdAt,
    startedAt: null,
    finishedAt: null,
    seq: Number(fields.seq ?? 0),
  }
}
