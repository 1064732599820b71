import { randomUUID } from 'node:crypto'
import { race } from '../deadline.ts'
import type { AgentDelta, AgentEvent } from './agent-events.ts'
import type { Channel, ExitInfo } from './channel.ts'
import { createTail } from './line-reader.ts'
import type { Mask } from './secrets.ts'
import { type AgentSignal, answerTo, controlRequest, createDecoder, type Decoded } from './stream-json.ts'

/** How long output that is still in the pipes is waited for, once the whole tree is dead. */
const flushMs = 1000

export interface AgentEnd extends ExitInfo {
  stderr: string[]
  isInsideTool: boolean
  /** Pids of the tree that even SIGKILL did not end. */
  survivors: number[]
}

/**
 * One agent process: its output read line by line, its control requests answered. The next chunk is read only after
 * `onEvent` took the last one's events, so a sink that is full stops the agent and not our memory.
 */
export function createAgent(deps: {
  channel: Channel
  mask: Mask
  onEvent: (event: AgentEvent) => void | Promise<void>
  onDelta: (delta: AgentDelta) => void
  onSignal: (signal: AgentSignal) => void
}) {
  const { channel, mask, onEvent, onDelta, onSignal } = deps
  const decoder = createDecoder(undefined, mask)
  const tail = createTail(undefined, undefined, mask)
  const asked = new Map<string, (isAnswered: boolean) => void>()
  let lastOutputAt = Date.now()
  let isReadingPaused = false

  async function read() {
    for await (const chunk of channel.stdout)
      for (const line of decoder.push(chunk as Buffer)) await handle(line)
    for (const line of decoder.end()) await handle(line)
  }

  async function handle({ events, signal, delta, isProgress }: Decoded) {
    if (isProgress) lastOutputAt = Date.now()
    if (delta !== null) onDelta(delta)
    for (const event of events) {
      isReadingPaused = true
      await onEvent(event)
      isReadingPaused = false
    }
    if (signal?.type === 'answer') asked.get(signal.requestId)?.(true)
    else if (signal?.type === 'request') send(answerTo(signal.requestId, signal.subtype))
    else if (signal !== null) onSignal(signal)
  }

  const send = (line: object) =>
    void (channel.stdin.writable && channel.stdin.write(`${JSON.stringify(line)}\n`))

  /** `false` when there is no answer within `ms` or the process ends; an answer that refuses is one. */
  async function ask(subtype: string, ms: number): Promise<boolean> {
    const id = randomUUID()
    const { promise, resolve } = Promise.withResolvers<boolean>()
    asked.set(id, resolve)
    send(controlRequest(id, subtype))
    const answer = await race(promise, ms)
    asked.delete(id)
    return answer === true
  }

  channel.stderr.on('data', (chunk: Buffer) => tail.push(chunk))
  // A pipe that breaks ends like one that closes; why is told by the exit.
  channel.stderr.on('error', () => {})
  const reading = read().catch(() => {})

  /** The process has exited, nothing of its tree is alive, and its last words are read. */
  async function end(): Promise<AgentEnd> {
    const exit = await channel.exited
    // Before the output: a child that lives on may hold it open.
    const survivors = await channel.killTree()
    await race(reading, flushMs)
    tail.end()
    for (const answer of asked.values()) answer(false)
    channel.stdin.destroy()
    channel.stdout.destroy()
    channel.stderr.destroy()
    return { ...exit, stderr: tail.lines(), isInsideTool: decoder.openTools() > 0, survivors }
  }

  return {
    channel,
    send,
    ask,
    ended: end(),
    openTools: decoder.openTools,
    /** Counts a turn's start as output, so that its progress is measured from there. */
    touch: () => {
      lastOutputAt = Date.now()
    },
    lastOutputAt: () => lastOutputAt,
    isReadingPaused: () => isReadingPaused,
    /** A paused reader cannot see an answer: that is our doing, not the agent's. */
    ping: async (ms: number) => isReadingPaused || (await ask('get_binary_version', ms)) || isReadingPaused,
  }
}

export type Agent = ReturnType<typeof createAgent>
