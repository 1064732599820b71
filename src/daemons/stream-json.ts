import { createLineReader, type Line } from './line-reader.ts'
import { type AgentDelta, type AgentEvent, deltaOf, eventsOf } from './agent-events.ts'
import { createDeltaMask } from './delta-mask.ts'
import { type Mask, noMask } from './secrets.ts'
import { bounded, clean, harmless, label, list, number, object, text } from './untrusted.ts'

/** Lines that steer the daemon; everything else only tells its readers something. */
export type AgentSignal =
  | {
      type: 'result'
      isError: boolean
      wasAborted: boolean
      /** The message it answers; `null` when the agent does not say. */
      messageId: string | null
      result: string | null
      error: { code: string; message: string } | null
      usage: Record<string, unknown> | null
      /** US dollars since the session began. */
      totalCost: number | null
    }
  | { type: 'lifecycle'; messageId: string; state: string }
  | { type: 'answer'; requestId: string; isError: boolean }
  | { type: 'request'; requestId: string; subtype: string }

export interface Decoded {
  events: AgentEvent[]
  signal: AgentSignal | null
  delta: AgentDelta | null
  /** Answers and keep-alives show no progress of a turn. */
  isProgress: boolean
}

const resultLimit = 1024 * 1024
const usageLimit = 64 * 1024
const maxOpenTools = 10_000

/** Claude Code's stream-json, decoded: bytes in, neutral events and signals out. Also keeps which tool calls are open. */
export function createDecoder(maxLineBytes?: number, mask: Mask = noMask) {
  const reader = createLineReader(maxLineBytes)
  const openTools = new Set<string>()
  const deltas = createDeltaMask(mask)

  function decode(line: Line): Decoded {
    const decoded = decodeLine(line, mask)
    decoded.delta = decoded.delta === null ? deltas.flush() : deltas.push(decoded.delta)
    for (const { type, data } of decoded.events) {
      if (type === 'agent.tool_use' && openTools.size < maxOpenTools) openTools.add(String(data.toolUseId))
      if (type === 'agent.tool_result') openTools.delete(String(data.toolUseId))
    }
    if (decoded.signal?.type === 'result') openTools.clear()
    return decoded
  }

  return {
    push: (chunk: Buffer): Decoded[] => reader.push(chunk).map(decode),
    end: (): Decoded[] => reader.end().map(decode),
    openTools: () => openTools.size,
  }
}

function decodeLine({ text: raw, cutBytes }: Line, mask: Mask): Decoded {
  const line = mask(clean(raw))
  if (cutBytes > 0) return output(line, `a line was too long: ${cutBytes} bytes of it are left out`)
  if (line.trim() === '') return { events: [], signal: null, delta: null, isProgress: false }
  let parsed: unknown
  try {
    parsed = JSON.parse(raw)
  } catch {
    return output(line)
  }
  const message = object(harmless(parsed, mask))
  if (message === undefined) return output(line)
  const signal = signalOf(message)
  const isControl = signal?.type === 'answer' || message.type === 'keep_alive'
  return { events: eventsOf(message), signal, delta: deltaOf(message), isProgress: !isControl }
}

const output = (line: string, note?: string): Decoded => ({
  events: [{ type: 'agent.output', data: { text: bounded(line), ...(note === undefined ? {} : { note }) } }],
  signal: null,
  delta: null,
  isProgress: true,
})

function signalOf(message: Record<string, unknown>): AgentSignal | null {
  switch (message.type) {
    case 'result':
      return resultOf(message)
    case 'command_lifecycle':
      return { type: 'lifecycle', messageId: label(message.command_uuid), state: label(message.state) }
    case 'control_response': {
      const response = object(message.response)
      return {
        type: 'answer',
        requestId: label(response?.request_id),
        isError: response?.subtype === 'error',
      }
    }
    case 'control_request':
      return {
        type: 'request',
        requestId: label(message.request_id),
        subtype: label(object(message.request)?.subtype),
      }
    default:
      return null
  }
}

/** `is_error` decides: an API failure comes with the subtype `success`, an interruption without any `result`. */
function resultOf(message: Record<string, unknown>): AgentSignal {
  const isError = message.is_error === true
  const result = typeof message.result === 'string' ? bounded(message.result, resultLimit) : null
  const reason = label(message.terminal_reason)
  const code = reason === '' || reason === 'completed' ? label(message.subtype) || 'agent_error' : reason
  const said = result ?? bounded(list(message.errors).map(text).filter(Boolean).join('; '))
  return {
    type: 'result',
    isError,
    wasAborted: reason.startsWith('aborted'),
    messageId: label(message.user_message_uuid) || null,
    result: isError ? null : result,
    error: isError ? { code, message: said || 'the agent reports an error' } : null,
    usage: boundedUsage(message.usage),
    totalCost: number(message.total_cost_usd),
  }
}

const boundedUsage = (usage: unknown) => {
  const found = object(usage) ?? null
  return JSON.stringify(found).length > usageLimit ? null : found
}

/** `instruction_id` is ours: Claude Code ignores it, the demo agent keeps its ledger by it. */
export const userMessage = (messageId: string, instructionId: string, content: string) => ({
  type: 'user',
  uuid: messageId,
  instruction_id: instructionId,
  parent_tool_use_id: null,
  message: { role: 'user', content },
})

export const controlRequest = (requestId: string, subtype: string) => ({
  type: 'control_request',
  request_id: requestId,
  request: { subtype },
})

/** Nobody is there to be asked: a tool that needs permission is denied, everything else is unknown. */
export function answerTo(requestId: string, subtype: string) {
  const denial = { behavior: 'deny', message: 'Nobody can grant permissions here.', interrupt: false }
  const response =
    subtype === 'can_use_tool'
      ? { subtype: 'success', request_id: requestId, response: denial }
      : { subtype: 'error', request_id: requestId, error: `Unsupported control request subtype: ${subtype}` }
  return { type: 'control_response', response }
}
