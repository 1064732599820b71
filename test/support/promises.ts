import assert from 'node:assert/strict'
import type { Cluster } from './cluster.ts'
import { type LedgerLine, assertContiguous, ledger, until } from './client.ts'

const terminal = new Set(['instruction.succeeded', 'instruction.failed', 'instruction.cancelled'])

export interface Expectation {
  /** Journals with another epoch than the one the followers began in. */
  epochs?: number
  settleMs?: number
  /** A submit that Redis did not answer in time was refused and may have been taken all the same: then it runs once. */
  mayRunUnanswered?: boolean
}

/**
 * What Baton promises, by the agents' own record and by what clients were sent: each accepted instruction ran to its
 * end exactly once, in its order, never two at once; every event came once, in order, without a gap.
 */
export async function assertPromises(cluster: Cluster, expectation: Expectation = {}) {
  const { epochs = 1, settleMs = 60_000, mayRunUnanswered = false } = expectation
  const { unfinished } = cluster
  for (const [containerId, ids] of cluster.accepted) {
    await settled(cluster, containerId, ids, settleMs)
    const facts = await ledger(cluster.workspacesDir, containerId)
    const known = mayRunUnanswered ? await queuedIn(cluster, containerId) : ids
    if (mayRunUnanswered)
      assert.deepEqual(
        known.filter((id) => ids.includes(id)),
        ids,
      )
    assertLedger(containerId, facts, known, unfinished)
  }
  assert.deepEqual([...cluster.agents.overlaps], [], 'no two agents in one workspace')
  for (const follower of cluster.followers) {
    const { containerId, events, gaps } = follower
    const head = (await cluster.journal(containerId)).at(-1)
    await until(`the client of ${containerId} has seen event ${head?.seq}`, () => {
      const { afterSeq, epoch } = follower.cursor()
      return (epoch === head?.epoch && afterSeq >= (head?.seq ?? 0)) || undefined
    })
    const byEpoch = [...Map.groupBy(events, ({ epoch }) => epoch).values()]
    assert.equal(byEpoch.length, epochs, `epochs that the client of ${containerId} has seen`)
    for (const seen of byEpoch) assertContiguous(seen)
    assert.equal(gaps.length, epochs - 1, `gaps in ${containerId}: ${JSON.stringify(gaps)}`)
    const ends = events.filter(({ type }) => terminal.has(type)).map(({ instructionId }) => instructionId)
    assert.equal(new Set(ends).size, ends.length, `each instruction of ${containerId} ends once`)
  }
}

/** In order, what the journal says was taken. */
async function queuedIn(cluster: Cluster, containerId: string): Promise<string[]> {
  const queued = (await cluster.journal(containerId)).filter(({ type }) => type === 'instruction.queued')
  return [...new Set(queued.map(({ instructionId }) => instructionId ?? ''))]
}

async function settled(cluster: Cluster, containerId: string, ids: string[], ms: number) {
  await until(
    `all of ${containerId} has ended`,
    async () => {
      const pod = cluster.pods.at(-1)
      for (const id of ids.toReversed()) {
        const { state } = (await pod?.client.instruction(containerId, id)) ?? { state: '' }
        if (!['succeeded', 'failed', 'cancelled'].includes(state)) return false
      }
      return true
    },
    ms,
  )
}

export function assertLedger(
  containerId: string,
  facts: LedgerLine[],
  ids: string[],
  unfinished: ReadonlySet<string> = new Set(),
) {
  const of = (event: string) => facts.filter((fact) => fact.event === event).map(({ turn }) => turn)
  const expected = ids.filter((id) => !unfinished.has(id))
  assert.deepEqual(of('finished'), expected, `each of ${containerId} ran to its end once and in order`)
  const starts = of('started').filter((id) => expected.includes(id))
  assert.deepEqual(starts, expected, `each of ${containerId} was started anew once`)
  let open: string | undefined
  for (const { turn, event } of facts) {
    const begins = event === 'started' || event === 'resumed'
    const mayBegin = open === undefined || open === turn || unfinished.has(open)
    assert.ok(
      begins ? mayBegin : open === turn,
      `two at once in ${containerId}: ${event} ${turn}, open ${open}`,
    )
    open = begins ? turn : undefined
  }
}

/** How often an instruction had to be resumed, by its agent's own record. */
export async function resumptions(cluster: Cluster, containerId: string, id: string): Promise<number> {
  const facts = await ledger(cluster.workspacesDir, containerId)
  return facts.filter(({ turn, event }) => turn === id && event === 'resumed').length
}
