import { race, timedOut } from '../deadline.ts'
import { messageOf } from '../errors.ts'
import type { Drain } from './drain.ts'

export interface Check {
  name: string
  /** Throws or rejects with the reason when it is not well. */
  check(): unknown
}

export interface Readiness {
  status: 'ready' | 'unready' | 'draining'
  checks: Record<string, { ok: boolean; error?: string }>
}

const timeoutMs = 1000
const cacheMs = 500

/** Readiness: every check bounded, and one round for all who ask within half a second. */
export function createProbes(deps: {
  checks: Check[]
  drain: Pick<Drain, 'isDraining'>
  isStarted(): boolean
}) {
  const { checks, drain, isStarted } = deps
  let round: { endedAt: number; results: Promise<Readiness['checks']> } | undefined

  async function examine({ name, check }: Check): Promise<[string, { ok: boolean; error?: string }]> {
    try {
      const outcome = await race(Promise.resolve().then(check), timeoutMs)
      return [
        name,
        outcome === timedOut ? { ok: false, error: `no answer within ${timeoutMs} ms` } : { ok: true },
      ]
    } catch (error) {
      return [name, { ok: false, error: messageOf(error) }]
    }
  }

  /** Cached from its end: a check that takes its whole second is not asked again meanwhile. */
  function examineAll() {
    const begun = {
      endedAt: Number.POSITIVE_INFINITY,
      results: Promise.all(checks.map(examine)).then((results) => {
        begun.endedAt = performance.now()
        return Object.fromEntries(results)
      }),
    }
    return begun
  }

  return {
    isStarted,
    async readiness(): Promise<Readiness> {
      if (round === undefined || performance.now() - round.endedAt > cacheMs) round = examineAll()
      const results = await round.results
      const isWell = isStarted() && Object.values(results).every(({ ok }) => ok)
      return { status: drain.isDraining() ? 'draining' : isWell ? 'ready' : 'unready', checks: results }
    },
  }
}

export type Probes = ReturnType<typeof createProbes>
