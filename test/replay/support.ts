import assert from 'node:assert/strict'
import { WebSocket } from 'ws'

/** The same seed gives the same run, as far as time allows. */
export function createRandom(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return {
    below,
    isLucky: (chance: number) => next() < chance,
    pick: <T>(all: readonly T[]) => all[below(all.length)] as T,
  }
}

export type Random = ReturnType<typeof createRandom>

interface Frame {
  v?: number
  op?: string
  containerId: string
  seq: number
  epoch: string
  headSeq: number
  from: number
  to: number
  oldestSeq: number
  code?: string
}

export interface Position {
  epoch: string | undefined
  seq: number
}

/**
 * What one subscription may be sent: the event behind its cursor, or a gap that names exactly what is missing before
 * the next one. Anything else is a lost, doubled or misplaced event.
 */
export function createVerdict(containerId: string, start: Position) {
  const at: Position = { ...start }
  let gaps = 0
  let events = 0
  return {
    receive(frame: Frame) {
      const told = `${containerId} at ${at.epoch}:${at.seq}: ${JSON.stringify(frame).slice(0, 200)}`
      if (frame.op === 'replay.gap') {
        assert.equal(frame.to, frame.oldestSeq - 1, `the gap does not reach the next event: ${told}`)
        if (frame.epoch === at.epoch) {
          assert.equal(frame.from, at.seq + 1, `the gap begins elsewhere: ${told}`)
          assert.notEqual(frame.from, frame.to + 1, `nothing is missing: ${told}`)
        }
        gaps += 1
        at.epoch = frame.epoch
        at.seq = frame.to
        return
      }
      at.epoch ??= frame.epoch
      assert.equal(frame.epoch, at.epoch, `another epoch: ${told}`)
      assert.equal(frame.seq, at.seq + 1, `lost, doubled or misplaced: ${told}`)
      at.seq = frame.seq
      events += 1
    },
    at: () => ({ ...at }),
    gaps: () => gaps,
    events: () => events,
  }
}

export type Verdict = ReturnType<typeof createVerdict>

/** A client of the bare protocol: several containers on one socket, each with its verdict; the first fault is kept. */
export function openReader(url: string, starts: ReadonlyMap<string, Position>) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/claude-daemon`)
  const verdicts = new Map([...starts].map(([id, start]) => [id, createVerdict(id, start)]))
  const refusals: string[] = []
  let fault: unknown
  let isClosed = false
  socket.on('open', () => {
    for (const [containerId, { seq, epoch }] of starts)
      socket.send(JSON.stringify({ op: 'subscribe', containerId, afterSeq: seq, epoch }))
  })
  socket.on('message', (data) => {
    const frame = JSON.parse((data as Buffer).toString()) as Frame
    if (frame.op === 'error') {
      refusals.push(String(frame.code))
      return socket.terminate()
    }
    if (isClosed || (frame.v !== 1 && frame.op !== 'replay.gap')) return
    try {
      verdicts.get(frame.containerId)?.receive(frame)
    } catch (error) {
      fault ??= error
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    isClosed = true
  })
  return {
    isClosed: () => isClosed,
    refusals,
    /** Where it is in each container: the cursors of the next one. */
    positions: () => new Map([...verdicts].map(([id, verdict]) => [id, verdict.at()])),
    gaps: () => [...verdicts.values()].reduce((sum, verdict) => sum + verdict.gaps(), 0),
    events: () => [...verdicts.values()].reduce((sum, verdict) => sum + verdict.events(), 0),
    drop() {
      isClosed = true
      socket.terminate()
    },
    check() {
      // oxlint-disable-next-line typescript/only-throw-error -- an AssertionError, kept until now
      if (fault !== undefined) throw fault
    },
  }
}

export type Reader = ReturnType<typeof openReader>
