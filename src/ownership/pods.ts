import type { History } from '../history/open.ts'
import { createAsk } from '../queues/instructions.ts'
import type { Reply, RunScript } from '../journal/scripts.ts'

export interface PodView {
  pod: string
  state: 'running' | 'draining' | 'dead' | 'stopped'
  /** Milliseconds until its heartbeat expires; `null` when it said goodbye. */
  expiresInMs: number | null
  containers: string[]
  report: unknown
  stoppedAt: string | null
}

/** Pods that live, from their heartbeats; those that stopped, with their reports, from the history. */
export function createPods({ run, history }: { run: RunScript; history: Pick<History, 'pods'> }) {
  const ask = createAsk(run)

  return async (): Promise<PodView[]> => {
    const [now, live, owners] = await ask('pods')
    const owned = Map.groupBy(pairs(owners as Reply[]), ([, pod]) => pod)
    const views = (live as Reply[][]).map(([name, expiry, draining]): PodView => {
      const pod = String(name)
      const expiresInMs = Number(expiry) - Number(now)
      const state = expiresInMs <= 0 ? 'dead' : draining === '1' ? 'draining' : 'running'
      const containers = (owned.get(pod) ?? [])
        .map(([container]) => container)
        .toSorted((a, b) => (a < b ? -1 : 1))
      return { pod, state, expiresInMs, containers, report: null, stoppedAt: null }
    })
    const seen = new Set(views.map(({ pod }) => pod))
    const stopped = history
      .pods()
      .filter(({ pod }) => !seen.has(pod))
      .map((view): PodView => {
        const state = view.stoppedAt === null ? 'dead' : 'stopped'
        return { ...view, state, expiresInMs: null, containers: [] }
      })
    return [...views, ...stopped]
  }
}

function pairs(flat: Reply[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) result.push([String(flat[i]), String(flat[i + 1])])
  return result
}

export type Pods = ReturnType<typeof createPods>
