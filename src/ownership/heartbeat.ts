import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { RunScript } from '../journal/scripts.ts'

/** Often enough that a failover of two seconds is survived, see `heartbeatTtlMs`. */
const heartbeatMs = 500
const retryMs = 100
/** Without a renewal for this long, others may call this pod dead: so it must stop its own work before. */
export const heartbeatTtlMs = 3000
/** Of that time: for ending the agents. */
const marginMs = 250
/** A gap in the heartbeat that says: Redis or the way to it was away, so other pods may look dead that are not. */
const gapMs = 2000

/**
 * Says again and again that this pod lives, and learns who else does. Three things can happen to it: it cannot renew in
 * time (`onLost`), Redis has another epoch than the one that it knew (`onEmpty`), or another pod's heartbeat is due to
 * expire (`onDeath`).
 */
export function createHeartbeat(deps: {
  run: RunScript
  podId: string
  log: Logger
  onLost(why: string): void
  /** Resolves to the epoch when the journal is open again. */
  onEmpty(): Promise<string>
  onRenewed(): void
  onDeath(): void
}) {
  const { run, podId, log, onLost, onEmpty, onRenewed, onDeath } = deps
  let epoch = ''
  let isDraining = false
  let renewedAt = 0
  let judgesFrom = 0
  let candidates = [podId]
  let lossTimer: NodeJS.Timeout | undefined
  let deathTimer: NodeJS.Timeout | undefined
  let reopening: Promise<void> | undefined
  let hasFailed = false
  let following: Promise<void> | undefined
  const stopping = new AbortController()

  async function renew() {
    const askedAt = performance.now()
    const [seen, now, ...pods] = await run('heartbeat', podId, heartbeatTtlMs, isDraining ? 1 : 0)
    if (stopping.signal.aborted) return
    if (String(seen) !== epoch) throw new Error(`NOEPOCH the epoch is ${String(seen)} now`)
    if (renewedAt > 0 && performance.now() - renewedAt > gapMs)
      judgesFrom = performance.now() + heartbeatTtlMs
    renewedAt = askedAt
    hasFailed = false
    clearTimeout(lossTimer)
    const leftMs = askedAt + heartbeatTtlMs - marginMs - performance.now()
    lossTimer = setTimeout(onLost, leftMs, 'The heartbeat could not be renewed: this pod ends its own work')
    lossTimer.unref()
    readPods(pods as (string | number)[], Number(now))
    onRenewed()
  }

  function readPods(flat: (string | number)[], now: number) {
    candidates = []
    let nextDeathMs = Number.POSITIVE_INFINITY
    for (let i = 0; i + 2 < flat.length; i += 3) {
      const [pod, expiry, draining] = [String(flat[i]), Number(flat[i + 1]), flat[i + 2]]
      if (draining === '0') candidates.push(pod)
      if (pod !== podId) nextDeathMs = Math.min(nextDeathMs, expiry - now)
    }
    clearTimeout(deathTimer)
    // A pod that renews is never that near to its end: this one missed its time.
    if (nextDeathMs > heartbeatTtlMs - 1.5 * heartbeatMs) return
    deathTimer = setTimeout(onDeath, nextDeathMs + 5)
    deathTimer.unref()
  }

  /** Resolves to whether it was taken. */
  function beat(): Promise<boolean> {
    return renew()
      .catch((err: Error) => {
        if (!err.message.startsWith('NOEPOCH')) throw err
        onLost('Redis lost its data: this pod ends its own work and puts the instructions back')
        reopening ??= onEmpty()
          .then((opened) => {
            epoch = opened
            return renew()
          })
          .finally(() => {
            reopening = undefined
          })
        return reopening
      })
      .then(() => true)
      .catch((err: unknown) => {
        if (!hasFailed && !stopping.signal.aborted) log.warn({ err }, 'The heartbeat failed, trying again')
        hasFailed = true
        return false
      })
  }

  async function follow() {
    const { signal } = stopping
    let isTaken = true
    while (!signal.aborted) {
      await sleep(isTaken ? heartbeatMs : retryMs, undefined, { signal }).catch(() => {})
      if (!signal.aborted) isTaken = await beat()
    }
  }

  return {
    async start(known: string) {
      epoch = known
      await renew()
      following = follow()
    },
    /** The others learn at once that this pod takes no more containers. */
    quiet() {
      isDraining = true
      if (following !== undefined) beat().catch(() => {})
    },
    /** Living pods that are not draining, as of the last heartbeat. */
    candidates: () => candidates,
    /** Only a pod whose own link to Redis has been up for a while may say that another is dead. */
    mayJudge: () => performance.now() >= judgesFrom,
    stop() {
      stopping.abort()
      clearTimeout(lossTimer)
      clearTimeout(deathTimer)
    },
  }
}
