import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import type { ShutdownReport } from '../../../src/observability/shutdown-report.ts'
import { read } from './commands.ts'

export interface Pod {
  metadata: {
    name: string
    uid: string
    creationTimestamp: string
    deletionTimestamp?: string
    deletionGracePeriodSeconds?: number
    annotations?: Record<string, string>
  }
  spec: { nodeName?: string; terminationGracePeriodSeconds: number; containers: { name: string }[] }
  status: {
    phase: string
    podIP?: string
    conditions?: { type: string; status: string; lastTransitionTime: string }[]
    containerStatuses?: {
      name: string
      restartCount: number
      state: { terminated?: Terminated; running?: { startedAt: string } }
      lastState?: { terminated?: Terminated }
    }[]
  }
}

export interface Terminated {
  exitCode: number
  reason: string
  message?: string
  startedAt: string
  finishedAt: string
}

/** A pod that has ended, as the API server last showed it. */
export interface Ended {
  name: string
  terminated: Terminated | undefined
  /** When it was told to end, and the seconds from then to the end of its container. */
  orderedAt: string
  seconds: number
  graceSeconds: number
  report: ShutdownReport | undefined
}

export const isReady = ({ metadata, status }: Pod) =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true

export const listPods = async (namespace: string, selector: string) =>
  (await read<{ items: Pod[] }>('-n', namespace, 'get', 'pods', '-l', selector)).items

/** Follows every pod from birth to death: what a pod said at its end is gone with it otherwise. */
export function watchPods(t: TestContext, namespace: string, selector: string) {
  const pods = new Map<string, Pod>()
  const gone = new Map<string, Pod>()
  /** When each was told to end: the API server dates a deletion at the end of its grace, and again at the very end. */
  const orders = new Map<string, number>()
  let isStopped = false
  let child: ReturnType<typeof spawn> | undefined

  async function follow() {
    while (!isStopped) {
      const args = [
        '-n',
        namespace,
        'get',
        'pods',
        '-l',
        selector,
        '--watch',
        '--output-watch-events',
        '-o',
        'json',
      ]
      child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] })
      if (child.stdout === null) throw new Error('no output')
      createInterface({ input: child.stdout }).on('line', (line) => {
        take(JSON.parse(line) as { type: string; object: Pod })
      })
      await once(child, 'close')
    }
  }

  function take({ type, object }: { type: string; object: Pod }) {
    const { uid, deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata
    pods.set(uid, object)
    if (deletionTimestamp !== undefined && !orders.has(uid))
      orders.set(uid, Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000)
    if (type === 'DELETED') gone.set(uid, object)
  }

  const following = follow()
  async function stop() {
    isStopped = true
    child?.kill()
    await following
  }
  t.after(stop)
  return {
    all: () => [...pods.values()],
    terminating: () =>
      [...pods.values()].filter(
        ({ metadata }) => metadata.deletionTimestamp !== undefined && !gone.has(metadata.uid),
      ),
    ended: () => [...gone.values()].map((pod) => endOf(pod, orders.get(pod.metadata.uid) ?? 0)),
    stop,
  }
}

function endOf({ metadata, spec, status }: Pod, orderedAt: number): Ended {
  const terminated = status.containerStatuses?.[0]?.state.terminated
  return {
    name: metadata.name,
    terminated,
    orderedAt: new Date(orderedAt).toISOString(),
    seconds: (Date.parse(terminated?.finishedAt ?? '') - orderedAt) / 1000,
    graceSeconds: spec.terminationGracePeriodSeconds,
    report: parseReport(terminated?.message),
  }
}

function parseReport(message: string | undefined): ShutdownReport | undefined {
  try {
    return JSON.parse(message ?? '') as ShutdownReport
  } catch {
    return undefined
  }
}
