import { jitterMs, sleep } from './backoff.ts'
import { type Cursors, createCursors } from './cursors.ts'
import { createInbox } from './inbox.ts'
import { type Ending, runSocket } from './socket.ts'
import {
  BatonError,
  type BatonEvent,
  type Delta,
  type EventItem,
  type EventsOptions,
  type Gap,
  type Token,
} from './types.ts'

/** Closed for good: another socket would be closed for the same reason. */
const finalCodes = new Map([
  [1008, 'policy'],
  [4401, 'unauthenticated'],
  [4403, 'forbidden'],
  [4404, 'container_not_found'],
])
/** Refusals that pass. */
const passing = new Set([
  'internal_error',
  'history_unavailable',
  'redis_unavailable',
  'issuer_unavailable',
  'draining',
])

interface Frame {
  op?: string
  v?: number
  containerId?: string
  headSeq?: number
  epoch?: string | null
  code?: string
  message?: string
  deadline?: string
}

/** One unbroken sequence over as many sockets as it takes: every event once, in order, or a gap that says what is lost. */
export async function* readEvents(
  urls: readonly string[],
  { token, heartbeatMs }: { token: Token | undefined; heartbeatMs: number },
  options: EventsOptions,
): AsyncGenerator<EventItem, void, undefined> {
  const stop = new AbortController()
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
  const cursors = createCursors(wanted(options))
  const inbox = createInbox<EventItem>()
  const following = follow({ urls, token, heartbeatMs, options, cursors, inbox, signal }).then(
    () => inbox.end(),
    (cause: unknown) => inbox.end({ cause }),
  )
  try {
    for (;;) {
      const next = await inbox.next()
      if (next === undefined || options.signal?.aborted) return
      yield next.item
    }
  } finally {
    stop.abort()
    await following
  }
}

function wanted({ containers, containerId, afterSeq, epoch }: EventsOptions) {
  const several = containers?.map((one) => (typeof one === 'string' ? { containerId: one } : one))
  const all = several ?? (containerId === undefined ? [] : [{ containerId, afterSeq, epoch }])
  if (all.length === 0) throw new BatonError('validation_failed', 'Name a containerId, or containers')
  return all
}

async function follow(deps: {
  urls: readonly string[]
  token: Token | undefined
  heartbeatMs: number
  options: EventsOptions
  cursors: Cursors
  inbox: ReturnType<typeof createInbox<EventItem>>
  signal: AbortSignal
}) {
  const { urls, token, heartbeatMs, options, cursors, inbox, signal } = deps
  let refusal: BatonError | undefined
  let attempt = 0
  let wasConnected = false

  for (let turn = 0; !signal.aborted; turn += 1) {
    const url = urls[turn % urls.length] ?? ''
    const ending = await runSocket({
      url,
      token: typeof token === 'function' ? await token() : token,
      heartbeatMs,
      signal,
      onOpen(send) {
        for (const cursor of cursors.all())
          send({ op: 'subscribe', ...cursor, ...(options.deltas === true ? { deltas: true } : {}) })
      },
      onFrame: (frame, bytes) => receive(frame, bytes, url),
    })
    if (signal.aborted || cursors.all().length === 0) return
    refusal ??= finalRefusal(ending)
    // A token that was good expires; the next one may be good again.
    const hasExpired = refusal?.code === 'unauthenticated' && typeof token === 'function' && wasConnected
    if (refusal !== undefined && !hasExpired) throw refusal
    refusal = undefined
    wasConnected = false
    // It was this side that could not keep up: there is nobody to be polite to.
    if (!inbox.hasRoom()) {
      await inbox.empty(signal)
      continue
    }
    const delayMs = retryHint(ending) ?? jitterMs(attempt)
    attempt += 1
    options.onState?.({ kind: 'reconnecting', url, ...ending, delayMs })
    await sleep(delayMs, signal)
  }

  function receive(raw: Record<string, unknown>, bytes: number, url: string): boolean {
    const frame = raw as Frame
    const containerId = frame.containerId ?? ''
    const deliver = (items: EventItem[]) => {
      for (const item of items) inbox.push(item, bytes)
      return inbox.hasRoom()
    }
    if (frame.v === 1) return deliver(cursors.event(raw as unknown as BatonEvent))
    switch (frame.op) {
      case 'delta':
        return deliver([deltaOf(raw)])
      case 'replay.gap':
        return deliver(cursors.gap(gapOf(raw)))
      case 'subscribed':
        attempt = 0
        wasConnected = true
        cursors.subscribed(containerId, frame.headSeq ?? 0, frame.epoch ?? null)
        options.onState?.({ kind: 'connected', url })
        return true
      case 'service.draining':
        options.onState?.({ kind: 'draining', url, deadline: frame.deadline ?? '' })
        return true
      case 'error': {
        const code = frame.code ?? 'internal_error'
        if (code === 'container_not_found' && cursors.drop(containerId)) return cursors.all().length > 0
        if (!passing.has(code)) refusal = new BatonError(code, `${containerId}: ${frame.message ?? code}`)
        return false
      }
      default:
        return true
    }
  }
}

const gapOf = ({ op: _, ...gap }: Record<string, unknown>) =>
  ({ type: 'replay.gap', ...gap }) as unknown as Gap
const deltaOf = ({ op: _, ...delta }: Record<string, unknown>) =>
  ({ type: 'agent.delta', ...delta }) as unknown as Delta

function finalRefusal({ code, reason }: Ending): BatonError | undefined {
  const name = finalCodes.get(code)
  return name === undefined ? undefined : new BatonError(name, reason || `closed with ${code}`)
}

/** A pod that shuts down says when to come back; it has spread its clients already. */
function retryHint({ code, reason }: Ending): number | undefined {
  if (code !== 1012) return undefined
  try {
    const { retryAfterMs } = JSON.parse(reason) as { retryAfterMs?: number }
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? Math.min(retryAfterMs, 60_000) : undefined
  } catch {
    return undefined
  }
}
