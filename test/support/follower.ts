import type { TestContext } from 'node:test'
import { WebSocket } from 'ws'
import type { JournalEvent } from '../../src/journal/event.ts'

const backoffMs = 100

export interface Gap {
  from: number
  to: number
  oldestSeq: number
  epoch: string | null
}

/**
 * A client that comes back with its cursor whenever its socket ends, and writes down everything it is sent as it
 * comes: a double, a hole or a wrong order stays visible.
 */
export function follow(t: TestContext, url: string, containerId: string) {
  const events: JournalEvent[] = []
  const gaps: Gap[] = []
  let connections = 0
  let isOver = false
  let socket: WebSocket | undefined
  let timer: NodeJS.Timeout | undefined
  let cursor: { afterSeq: number; epoch?: string } = { afterSeq: 0 }

  function open() {
    const opened = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`)
    socket = opened
    opened.on('open', () => {
      connections += 1
      opened.send(JSON.stringify({ op: 'subscribe', containerId, ...cursor }))
    })
    opened.on('message', (data) => receive(JSON.parse((data as Buffer).toString()) as Frame))
    opened.on('error', () => {})
    opened.on('close', () => {
      if (!isOver) timer = setTimeout(open, backoffMs)
    })
  }

  function receive(frame: Frame) {
    if (frame.op === 'error') return socket?.close()
    if (frame.op === 'replay.gap') {
      const { from, to, oldestSeq, epoch } = frame
      gaps.push({ from, to, oldestSeq, epoch })
      cursor = { afterSeq: oldestSeq - 1, ...(epoch === null ? {} : { epoch }) }
    }
    if (frame.v !== 1) return
    events.push(frame)
    cursor = { afterSeq: frame.seq, epoch: frame.epoch }
  }

  function end() {
    isOver = true
    clearTimeout(timer)
    socket?.terminate()
  }

  open()
  t.after(end)
  return {
    containerId,
    events,
    gaps,
    cursor: () => cursor,
    connections: () => connections,
    end,
  }
}

type Frame =
  | ({ op: 'error' | 'live' | 'subscribed'; v?: undefined } | ({ op: 'replay.gap'; v?: undefined } & Gap))
  | (JournalEvent & { op?: undefined })

export type Follower = ReturnType<typeof follow>
